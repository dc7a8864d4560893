"""A budget: one parsed expression such as ``ttft.p99 < 500 ms``."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Budget"]


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
    implied: bool = False
    """True where nobody wrote it: every case has it (see ``implied_budgets``)."""
