"""The page of a history: trends by case, then the runs they are made of."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_npuperf.report.charts.figure import figure_html
from pytest_npuperf.report.history.history import CaseHistory, History, HistoryRun
from pytest_npuperf.report.history.trend import trend_figure
from pytest_npuperf.report.html.document import document, switches
from pytest_npuperf.report.html.markup import Markup, element
from pytest_npuperf.report.html.tables import data_table, fact_list

__all__ = ["history_html"]


def history_html(history: History) -> bytes:
    """The page over many runs: it needs no other file and no network."""
    cases = [_case(place, case, history.baseline) for place, case in enumerate(history.cases, start=1)]
    return document(
        f"{_headline(history)}: serving performance",
        switches(("Theme", "theme", ("system", "light", "dark"))),
        element("main", _top(history), *cases, _runs(history.runs), _left_out(history.left_out)),
    )


def _headline(history: History) -> str:
    count = len(history.runs)
    return "1 run" if count == 1 else f"{count} runs"


def _top(history: History) -> Markup:
    first, last = history.runs[0], history.runs[-1]
    links = [
        element("a", case.name, href=f"#case-{place}") for place, case in enumerate(history.cases, start=1)
    ]
    return element(
        "header",
        element("p", "History of serving performance", class_="over"),
        element("h1", _headline(history)),
        fact_list(
            (
                ("First", f"{first.date}, commit {first.commit_text}"),
                ("Last", f"{last.date}, commit {last.commit_text}"),
                ("Models", ", ".join(dict.fromkeys(run.model for run in history.runs if run.model))),
                ("Baseline", history.baseline),
                ("Reports left out", len(history.left_out) or None),
            )
        ),
        element("nav", *links, class_="files", aria_label="Cases")
        if links
        else element("p", "No run measured a case.", class_="note"),
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


def _runs(runs: tuple[HistoryRun, ...]) -> Markup:
    rows = [[run.date, run.commit_text, run.model or "-", run.directory] for run in runs]
    return element(
        "section",
        element("h2", "Runs"),
        element("div", data_table("Runs", ["Run", "Commit", "Model", "Report"], rows), class_="texts"),
    )


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
