"""A budget: one parsed expression such as ``ttft.p99 < 500 ms``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Budget", "Relative"]


@dataclass(frozen=True, slots=True)
class Relative:
    """A bound that lies so far from a baseline's figure: ``baseline + max(5 %, noise)``."""

    change: float
    """As a share of the baseline's figure, with its sign."""
    baseline: str | None = None
    """Its name; None for the one that the run compares with."""
    noise: bool = False
    """Whether the figure's noise floor takes the place of ``change`` where it is larger."""
    sign: Literal[1, -1] = 1
    """-1 where the bound lies below the baseline's figure, as in ``baseline - noise``."""

    def change_with(self, noise_floor: float) -> float:
        """How far the bound lies from the baseline's figure, as a share of it, with its sign.

        Args:
            noise_floor: Of the figure, as a share of it, 0 or more; it counts where ``noise`` is set.
        """
        return self.sign * max(abs(self.change), noise_floor) if self.noise else self.change


@dataclass(frozen=True, slots=True)
class Budget:
    """A bound on one figure of a summary.

    ``bound`` is in the figure's own unit inside the program: seconds, tokens, token/s, req/s,
    a share between 0 and 1, or a bare count. ``unit`` is the unit it was written in, "" for a
    count or a plain share; for a relative bound the first that the metric has.
    """

    expression: str
    metric: str
    statistic: str | None
    comparison: str
    bound: float
    unit: str
    stage: str = "total"
    """The stage whose figure it bounds: ``total``, ``steady``, ``turn 1``."""
    implied: bool = False
    """True where nobody wrote it: every case has it (see ``implied_budgets``)."""
    advisory: bool = False
    """True where it only warns."""
    require_support: bool = False
    """True where a figure without a confidence interval is inconclusive, not passed."""
    parts: tuple[Budget, ...] = ()
    """The bounds that each request has to meet, of ``goodput(...)`` and ``goodput_rate(...)``."""
    relative: Relative | None = None
    """How ``bound`` follows from a baseline; then ``bound`` itself is 0."""
