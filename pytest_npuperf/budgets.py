"""Budgets that markers and the command line give, and warnings that are told without a traceback."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from pytest_npuperf.errors import BudgetError, NpuperfError, NpuperfWarning
from pytest_npuperf.session import MARKED_BUDGETS

if TYPE_CHECKING:
    from pytest_npuperf.settings import Settings
    from pytest_npuperf.slo import Budget

__all__ = ["SLO_MARKER", "check_markers", "command_line_budgets", "warn", "warn_of_directions"]

SLO_MARKER = "npuperf_slo"


def check_markers(items: list[pytest.Item]) -> None:
    """Parse the budgets in markers.

    Raises:
        pytest.UsageError: A marker is not valid, or warnings are errors and there is one.
    """
    for item in items:
        budgets = [budget for mark in item.iter_markers(SLO_MARKER) for budget in _marked(item, mark)]
        if budgets:
            item.stash[MARKED_BUDGETS] = budgets
            with _usage_errors():
                warn_of_directions(budgets, item.nodeid, item.warn)


def command_line_budgets(config: pytest.Config, settings: Settings) -> list[Budget]:
    """The budgets of every case of the run.

    Raises:
        pytest.UsageError: One is not valid, or warnings are errors and there is one.
    """
    if not settings.slo:
        return []
    budgets = _parsed(settings.slo, "--npuperf-slo")
    with _usage_errors():
        warn_of_directions(budgets, "--npuperf-slo", partial(config.issue_config_time_warning, stacklevel=2))
    return budgets


def warn_of_directions(
    budgets: Iterable[Budget], where: str, issue: Callable[[NpuperfWarning], None]
) -> None:
    """Warn of budgets that bound a figure from its good side.

    Raises:
        NpuperfError: The user makes warnings errors, and there is one.
    """
    from pytest_npuperf.slo import direction_warning

    for warning in filter(None, map(direction_warning, budgets)):
        warn(f"{where}: {warning}", issue)


def warn(text: str, issue: Callable[[NpuperfWarning], None]) -> None:
    """Warn by what pytest issues warnings with.

    Raises:
        NpuperfError: The user makes warnings errors; told without a traceback.
    """
    try:
        issue(NpuperfWarning(text))
    except NpuperfWarning as exc:
        raise NpuperfError(f"{text} (a warning, which -W error or filterwarnings makes an error)") from exc


@contextmanager
def _usage_errors() -> Iterator[None]:
    try:
        yield
    except NpuperfError as exc:
        raise pytest.UsageError(str(exc)) from exc


def _marked(item: pytest.Item, mark: pytest.Mark) -> list[Budget]:
    switches = {"advisory", "require_support"}
    are_switches = mark.kwargs.keys() <= switches and all(isinstance(on, bool) for on in mark.kwargs.values())
    if not are_switches or not mark.args or not all(isinstance(arg, str) for arg in mark.args):
        raise pytest.UsageError(
            f"{item.nodeid}: @pytest.mark.{SLO_MARKER} takes budgets as strings, "
            f'such as "ttft.p99 < 500 ms", and {" and ".join(sorted(switches))} as True or False; '
            f"given were {mark.args!r} and {mark.kwargs!r}"
        )
    budgets = _parsed(mark.args, f"{item.nodeid}: @pytest.mark.{SLO_MARKER}")
    return [replace(budget, **mark.kwargs) for budget in budgets]


def _parsed(expressions: Iterable[str], where: str) -> list[Budget]:
    from pytest_npuperf.slo.parser import parse_budget

    try:
        return [parse_budget(expression) for expression in expressions]
    except BudgetError as exc:
        raise pytest.UsageError(f"{where}: {exc}") from exc
