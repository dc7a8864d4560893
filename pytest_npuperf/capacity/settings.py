"""What a search or a sweep is told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from pytest_npuperf.errors import CaseError
from pytest_npuperf.slo.budget import Budget
from pytest_npuperf.slo.parser import parse_budget

__all__ = ["LoadAxis", "Search", "Sweep"]

LoadAxis = Literal["concurrency", "rate"]
"""What is varied: the clients of a closed loop, or the arrivals a second of an open one."""


@dataclass(frozen=True, slots=True)
class Search:
    """Find the largest load between ``lowest`` and ``highest`` that keeps all the budgets.

    Budgets may be given as texts: ``Search("concurrency", ("ttft.p99 < 500 ms",))``.

    Raises:
        CaseError: There is no budget, one is not valid, relative to a baseline or advisory, or a
            bound is not a load.
    """

    maximize: LoadAxis
    budgets: tuple[Budget, ...]
    lowest: float = 1
    highest: float = 512

    def __post_init__(self) -> None:
        given: tuple[Budget | str, ...] = self.budgets
        parsed = tuple(parse_budget(one) if isinstance(one, str) else one for one in given)
        object.__setattr__(self, "budgets", parsed)
        if not self.budgets:
            raise CaseError(
                "a search has no budget to keep: name at least one under 'while', such as ttft.p99 < 500 ms"
            )
        _check_budgets(self.budgets)
        _check_loads("a search", self.maximize, (self.lowest, self.highest))
        if self.lowest > self.highest:
            raise CaseError(
                f"a search goes from {self.lowest:g} to {self.highest:g}: 'from' must not be above 'to'"
            )


@dataclass(frozen=True, slots=True)
class Sweep:
    """Measure the same case at each of these loads, the smallest first.

    Raises:
        CaseError: There is no load, one is not valid, or they do not rise.
    """

    axis: LoadAxis
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise CaseError(f"a sweep over {self.axis} has no values: list at least one")
        _check_loads("a sweep", self.axis, self.values)
        for value, following in pairwise(self.values):
            if following <= value:
                raise CaseError(
                    f"a sweep has {following:g} after {value:g}: list each load once, the smallest first"
                )


def _check_budgets(budgets: Iterable[Budget]) -> None:
    for budget in budgets:
        if budget.relative is not None:
            raise CaseError(
                f"a search cannot keep {budget.expression!r}: it measures many loads, and a baseline has the "
                "figures of one; bound the figure by a number, and let the case's own budgets compare"
            )
        if budget.advisory:
            raise CaseError(
                f"a search cannot keep {budget.expression!r}, which is advisory: what only warns ends no "
                "search; leave it out, or make it one of the case's own budgets"
            )


def _check_loads(what: str, axis: LoadAxis, loads: Iterable[float]) -> None:
    for load in loads:
        if load <= 0:
            raise CaseError(f"{what} over {axis} has a load of {load:g}: loads are above 0")
        if axis == "concurrency" and load != int(load):
            raise CaseError(f"{what} over concurrency has a load of {load:g}: clients are whole numbers")
