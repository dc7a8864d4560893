"""What a relative budget is held against: the runs of a baseline."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_npuperf.slo.stage_run import StageRun

__all__ = ["Reference"]


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """The runs of a baseline for one stage of a case."""

    name: str
    """Of the baseline."""
    runs: tuple[StageRun, ...]
    mismatches: tuple[str, ...] = ()
    """What the baseline was measured with that this run was not, in words."""
    is_paired: bool = False
    """Whether each of its runs was measured beside one of those it is compared with, in their order."""
