"""The newest state of each case: what a reader sees first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_npuperf.report.charts.scale import quantity
from pytest_npuperf.report.history.history import CaseHistory, History, Trend
from pytest_npuperf.report.history.trend import trend_unit
from pytest_npuperf.report.html.markup import Child, Markup, element, joined
from pytest_npuperf.report.html.tables import data_table
from pytest_npuperf.report.html.verdict_marks import badge

__all__ = ["newest_section"]

_NAMED = 3
"""Broken budgets that are named; the list of the runs has all."""


def newest_section(history: History) -> Markup | None:
    """How each case came out last and its figures; None where there is no case."""
    if not history.cases:
        return None
    newest = history.runs[-1]
    names = list(dict.fromkeys(trend.figure.name for case in history.cases for trend in case.trends))
    rows = [_row(place, case, names, history) for place, case in enumerate(history.cases, start=1)]
    return element(
        "section",
        element("h2", "Newest run"),
        element("p", f"{newest.described}. {_meaning(history)}", class_="sub"),
        data_table("Newest run, case by case", ["Case and its budgets", *names], rows),
    )


def _meaning(history: History) -> str:
    if not history.baseline and len(history.runs) == 1:
        return ""
    other = f"the baseline {history.baseline}" if history.baseline else "the run before"
    return (
        f"In brackets: how far a figure lies from {other}, chance included; nothing where the two were "
        "measured with something else."
    )


def _row(place: int, case: CaseHistory, names: Sequence[str], history: History) -> list[Child]:
    last = case.trends[-1].points[-1].run
    said = [] if last == history.runs[-1] else [f"not in this run, last in {last.label}"]
    said += case.state.reasons[:_NAMED]
    if len(case.state.reasons) > _NAMED:
        said.append(f"and {len(case.state.reasons) - _NAMED} more")
    head = (
        element("a", case.name, href=f"#case-{place}"),
        " ",
        badge(case.state.word, case.state.look),
        *(element("div", text) for text in said),
    )
    cells = {trend.figure.name: " ".join(_cell(trend, case, history)) for trend in case.trends}
    return [joined(head), *(cells.get(name, "-") for name in names)]


def _cell(trend: Trend, case: CaseHistory, history: History) -> Iterator[str]:
    """The figure, and how far it lies from what it can be compared with."""
    newest = trend.points[-1]
    yield quantity(newest.value, trend_unit(trend))
    before = None
    if history.baseline:
        before = trend.baseline if case.is_like_baseline else None
    elif len(trend.points) > 1 and not newest.changes:
        before = trend.points[-2].value
    if newest.value is not None and before:
        yield f"({newest.value / before - 1:+.1%})"
