"""Verdicts: what became of a budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pytest_npuperf.slo.budget import Budget

__all__ = ["Consequence", "Outcome", "Verdict"]

Outcome = Literal["pass", "fail", "inconclusive", "no baseline"]
"""``no baseline``: there is nothing to compare with, or nothing that may be compared."""

Consequence = Literal["pass", "warn", "skip", "fail"]
"""What becomes of the test, from the mildest to the gravest."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One budget, what was measured for it, and whether it holds."""

    budget: Budget
    measured: float | None
    """In the unit of ``budget.bound``; None where the sample was empty."""
    n: int
    """How many requests the measured figure rests on.

    For ``itl`` those that have gaps, for a metric without a statistic all that were sent, for goodput
    all but the cancelled ones; for ``receive_lag`` it is chunks.
    """
    outcome: Outcome
    reason: str = ""
    """What is to be said of the outcome: why nothing was measured, why it is inconclusive, ..."""
    low: float | None = None
    high: float | None = None
    """The confidence interval of ``measured``, 95 % on either side; None on a side that is not bounded.

    Of a relative budget: that of the change, laid about the baseline's figure.
    """
    needed_n: int | None = None
    """How many requests the interval would take, where there were too few: the figure is unsupported."""
    close: bool = False
    """The bound lies within the interval: another run could come out the other way."""
    of_successes: float | None = None
    """The same figure of the successful requests alone, where failed ones count as infinitely slow."""
    baseline: float | None = None
    """The baseline's figure, of a relative budget; ``bound`` then follows from it."""
    bound: float | None = None
    """What ``measured`` was held against; None where that could not be told."""
    mismatches: tuple[str, ...] = ()
    """What the baseline was measured with that this run was not, where it was compared with all the same."""
    unsettled: bool = False
    """Whether the load is to be measured again before this outcome stands."""
    if_open: Consequence = "warn"
    """What becomes of the test where the outcome is neither pass nor fail."""

    @property
    def consequence(self) -> Consequence:
        """What becomes of the test by this verdict; an advisory budget only warns."""
        if self.outcome == "pass":
            return "pass"
        if self.budget.advisory:
            return "warn"
        return "fail" if self.outcome == "fail" else self.if_open
