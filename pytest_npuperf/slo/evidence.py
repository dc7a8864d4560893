"""What budgets are judged by: each stage of a measured case, and what it may be compared with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from pytest_npuperf.errors import NoBaselineError
from pytest_npuperf.slo.reference import Reference
from pytest_npuperf.slo.stage_run import StageRun

__all__ = ["Evidence", "FindReference", "Judging", "StageEvidence", "no_reference"]

FindReference = Callable[[str | None, str], Reference]
"""From the name of a baseline (None: the one that the run compares with) and a stage to its runs.

Raises:
    NoBaselineError: There is none.
    BaselineError: It cannot be read.
"""


def no_reference(_name: str | None, stage: str) -> Reference:
    """Of a run that was not told what to compare with.

    Raises:
        NoBaselineError: Always.
    """
    raise NoBaselineError(
        f"there is none named to compare {stage} with: pass --npuperf-baseline=NAME; "
        "--npuperf-save-baseline=NAME makes one"
    )


@dataclass(frozen=True, slots=True)
class Judging:
    """What the person who runs the tests says about judging."""

    reference: FindReference = no_reference
    on_inconclusive: Literal["fail", "warn", "skip"] | None = None
    """What becomes of a test by an outcome that is neither pass nor fail; None leaves it to the budget.

    A budget that ``on_mismatch`` skips is none of them.
    """
    on_mismatch: Literal["fail", "warn", "skip"] = "warn"
    """What becomes of a relative budget whose baseline was measured with something else."""


@dataclass(frozen=True, slots=True, eq=False)
class StageEvidence:
    """One stage of a case."""

    pooled: StageRun
    """All its measurements as one; the only one itself where there is no other."""
    runs: tuple[StageRun, ...]
    """Each measurement by itself: the first and, if there was one, that which was to confirm it."""

    @property
    def is_confirmed(self) -> bool:
        """Whether it was measured more than once."""
        return len(self.runs) > 1


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """All that a case is judged by."""

    stages: Mapping[str, StageEvidence]
    """By name: ``total``, ``steady``, ``turn 1``."""
    no_steady: str = ""
    """Why there is no steady stage, where one was looked for."""
    judging: Judging = Judging()
