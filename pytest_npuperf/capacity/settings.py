"""What a search or a sweep is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pytest_npuperf.slo.budget import Budget

__all__ = ["LoadAxis", "Search", "Sweep"]

LoadAxis = Literal["concurrency", "rate"]
"""What is varied: the clients of a closed loop, or the arrivals a second of an open one."""


@dataclass(frozen=True, slots=True)
class Search:
    """Find the largest load between ``lowest`` and ``highest`` that keeps all the budgets."""

    maximize: LoadAxis
    budgets: tuple[Budget, ...]
    lowest: float = 1
    highest: float = 512


@dataclass(frozen=True, slots=True)
class Sweep:
    """Measure the same case at each of these loads, in their order."""

    axis: LoadAxis
    values: tuple[float, ...]
