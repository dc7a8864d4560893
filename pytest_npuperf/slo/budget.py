"""A budget: one parsed expression such as ``ttft.p99 < 500 ms``."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Budget:
    """A bound on one figure of a summary.

    ``bound`` is in the figure's own unit inside the program: seconds, tokens, token/s, req/s,
    a share between 0 and 1, or a bare count. ``unit`` is the unit it was written in, "" for a
    count or a plain share.
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
