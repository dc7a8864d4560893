"""How exactly a figure is to be known: ``until: {ttft.p99: 5 %}``."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Precision"]


@dataclass(frozen=True, slots=True)
class Precision:
    """A figure and how wide its confidence interval may be, to either side, as a share of it."""

    expression: str
    """As it was written: ``ttft.p99: 5 %``."""
    metric: str
    statistic: str
    share: float
