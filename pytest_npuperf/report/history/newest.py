"""The newest state of each case: what a reader sees first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_npuperf.report.charts.scale import quantity
from pytest_npuperf.report.history.history import CaseHistory, CaseState, History, Trend
from pytest_npuperf.report.history.trend import trend_unit
from pytest_npuperf.report.html.markup import Child, Markup, element, joined
from pytest_npuperf.report.html.tables import data_table
from pytest_npuperf.report.html.verdict_marks import badge

__all__ = ["newest_section"]

_LONG = 16
"""Letters of a heading that are more than those of the values below it."""
_NAMED = 3
"""Broken budgets that are named; the list of the runs has all."""
_LONGEST = 60
"""Letters of a reason, which stands in one line; the list of the runs has all of it."""


def newest_section(history: History) -> Markup | None:
    """How each case came out last and its figures; None where there is no case."""
    if not history.cases:
        return None
    newest = history.runs[-1]
    trends = [trend for case in history.cases for trend in case.trends]
    # the capacity is what a search is for, and a narrow screen shows the first columns only
    trends.sort(key=lambda trend: trend.axis is None)
    names = list(dict.fromkeys(trend.figure.name for trend in trends))
    rows = [_row(place, case, names, history) for place, case in enumerate(history.cases, start=1)]
    return element(
        "section",
        element("h2", "Newest run"),
        element("p", f"{newest.described}. {_meaning(history)}", class_="sub"),
        data_table("Newest run, case by case", ["Case", *map(_heading, names)], rows),
        *(_unmeasured(name, state) for name, state in newest.unmeasured),
    )


def _unmeasured(name: str, state: CaseState) -> Markup:
    return element(
        "p", name, " ", badge(state.word, state.look), f" {'; '.join(state.reasons)}", class_="sub"
    )


def _meaning(history: History) -> str:
    if not history.baseline and len(history.runs) == 1:
        return ""
    other = f"the baseline {history.baseline}" if history.baseline else "the run before"
    return (
        f"In brackets: how far a figure lies from {other}, chance included; nothing where the two were "
        "measured with something else."
    )


def _heading(name: str) -> str:
    """A name, in two lines where it is long."""
    if len(name) <= _LONG:
        return name
    start, mark, end = name.rpartition("_")
    return joined(element("div", part) for part in (f"{start}{mark}", end) if part)


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
        *(element("div", _shortened(text)) for text in said),
    )
    cells = {trend.figure.name: joined(_cell(trend, case, history)) for trend in case.trends}
    return [joined(head), *(cells.get(name, "-") for name in names)]


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _cell(trend: Trend, case: CaseHistory, history: History) -> Iterator[Child]:
    """The figure, and below it how far it lies from what it can be compared with."""
    newest = trend.points[-1]
    yield quantity(newest.value, trend_unit(trend))
    before = None
    if history.baseline:
        before = trend.baseline if case.is_like_baseline else None
    elif len(trend.points) > 1 and not newest.changes:
        before = trend.points[-2].value
    if newest.value is not None and before:
        yield " "
        yield element("div", f"({newest.value / before - 1:+.1%})")
