"""The page of a history: trends by case, then the runs they are made of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath

from pytest_npuperf.report.charts.figure import figure_html
from pytest_npuperf.report.history.history import CaseHistory, History, HistoryRun
from pytest_npuperf.report.history.newest import newest_section
from pytest_npuperf.report.history.trend import named_run, trend_figure
from pytest_npuperf.report.html.document import document, switches
from pytest_npuperf.report.html.markup import Child, Markup, element, joined
from pytest_npuperf.report.html.tables import data_table, fact_list
from pytest_npuperf.report.html.verdict_marks import badge

__all__ = ["history_html"]


def history_html(history: History) -> bytes:
    """The page over many runs: it needs no other file and no network."""
    cases = [_case(place, case, history.baseline) for place, case in enumerate(history.cases, start=1)]
    return document(
        f"{_headline(history)}: serving performance",
        switches(("Theme", "theme", ("system", "light", "dark"))),
        element(
            "main",
            _top(history),
            newest_section(history),
            _guide(history),
            *cases,
            _runs(history.runs),
            _left_out(history.left_out),
        ),
    )


def _headline(history: History) -> str:
    count = len(history.runs)
    return "1 run" if count == 1 else f"{count} runs"


def _top(history: History) -> Markup:
    first, last = history.runs[0], history.runs[-1]
    return element(
        "header",
        element("p", "History of serving performance", class_="over"),
        element("h1", _headline(history)),
        fact_list(
            (
                ("First", first.described),
                ("Last", last.described),
                ("Models", ", ".join(dict.fromkeys(run.model for run in history.runs if run.model))),
                ("Baseline", history.baseline),
                ("Reports left out", len(history.left_out) or None),
            )
        ),
        None if history.cases else element("p", "No run measured a case.", class_="note"),
        class_="top",
    )


def _case(place: int, case: CaseHistory, baseline: str) -> Markup:
    figures = [drawn for trend in case.trends if (drawn := trend_figure(trend, baseline)) is not None]
    return element(
        "section",
        element("h2", case.name),
        element("ul", *(element("li", note) for note in case.notes), class_="notes") if case.notes else None,
        element("h3", "Figures of the successful requests by run"),
        element("div", *map(figure_html, figures), class_="figures")
        if figures
        else element("p", "No run measured these figures of it."),
        id=f"case-{place}",
        class_="case",
    )


def _guide(history: History) -> Markup | None:
    """What the charts have in common, as far as it is to be seen in them."""
    trends = [trend for case in history.cases for trend in case.trends]
    if not trends:
        return None
    points = [point for trend in trends for point in trend.points]
    texts = [
        "A point is a run, named by its git commit, else by its day and time (month-day). "
        "Point above or below it for its values, or unfold the table.",
        "Figures are those of the successful requests, n is how many. Where a run has fewer than the figure "
        "needs for an interval, that is told: such a figure may be chance.",
    ]
    if any(point.run.number > 1 for point in points):
        texts.append("Of several runs with the same name, the second is #2.")
    if any(point.notes for point in points):
        texts.append("A hollow point has a note. It is red where a budget on the figure failed its test.")
    if any(point.changes for trend in trends for point in trend.points[1:]):
        texts.append(
            "The line is broken where two neighbours were measured with something else: "
            "the step between them says nothing of the server."
        )
    if any(trend.baseline is not None for trend in trends):
        texts.append(f"The dotted line is the mean of the runs of the baseline {history.baseline}.")
    if any(trend.bounds for trend in trends):
        texts.append(
            "A dashed line is the bound of a budget of the newest run: green where that run kept it, "
            "red where that failed its test, else yellow. A bound with an arrow lies beyond the axis."
        )
    if any(bound.is_advisory for trend in trends for bound in trend.bounds):
        texts.append("An advisory budget only warns: neither its bound nor a point is red for it.")
    texts.append("An axis leaves out 0 where all runs lie far from it.")
    return element(
        "section",
        element("h2", "How to read the charts"),
        element("ul", *_items(tuple(texts)), class_="notes"),
    )


def _runs(runs: tuple[HistoryRun, ...]) -> Markup:
    has_models = len({run.model for run in runs}) > 1
    folders = {PurePath(run.directory).parent for run in runs}
    is_one = len(folders) == 1
    rows: list[list[Child]] = [
        [
            joined(_run_lines(run, has_models)),
            joined(_state_lines(run)),
            PurePath(run.directory).name if is_one else run.directory,
        ]
        for run in reversed(runs)
    ]
    report = f"Report in {folders.pop()}" if is_one else "Report"
    return element(
        "section",
        element("h2", "Runs, the newest first"),
        element("div", data_table("Runs", ["Run", "Cases", report], rows), class_="texts"),
    )


def _run_lines(run: HistoryRun, has_models: bool) -> Iterator[Markup]:
    yield element("div", named_run(run))
    if run.commit:
        yield element("div", run.commit_text)
    if has_models and run.model:
        yield element("div", run.model)


def _state_lines(run: HistoryRun) -> Iterator[Markup]:
    """What became of each case; in one line where all have kept their budgets."""
    states = (*run.states, *run.unmeasured)
    if states and all(state.look == "pass" for _, state in states):
        yield badge("kept", "pass")
        return
    for name, state in states:
        if state.look != "pass":
            reasons = f" {'; '.join(state.reasons)}" if state.reasons else None
            yield element("div", f"{name}: ", badge(state.word, state.look), reasons)


def _left_out(reasons: tuple[str, ...]) -> Markup | None:
    if not reasons:
        return None
    return element(
        "section",
        element("h2", "Reports left out"),
        element("ul", *_items(reasons), class_="notes"),
    )


def _items(texts: tuple[str, ...]) -> Iterator[Markup]:
    return (element("li", text) for text in texts)
