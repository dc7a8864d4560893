"""All that is known of one case: its tables, distributions, what happened over time, the client, errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from typing import Literal
from urllib.parse import quote

from pytest_npuperf.report.charts.distributions import distribution_figures
from pytest_npuperf.report.charts.figure import Figure, figure_html
from pytest_npuperf.report.charts.timelines import timeline_figures
from pytest_npuperf.report.html.markup import Markup, element
from pytest_npuperf.report.html.tables import data_table, fact_list
from pytest_npuperf.report.load_text import counted_text, load_text, sent_text
from pytest_npuperf.report.marks import case_marks
from pytest_npuperf.report.page.baseline import baseline_table
from pytest_npuperf.report.page.client import client_block
from pytest_npuperf.report.page.errors import errors_table
from pytest_npuperf.report.page.exploration import exploration_blocks
from pytest_npuperf.report.reference import shown_reference
from pytest_npuperf.report.sides import doubts_about_a
from pytest_npuperf.report.tables import PERFORMANCE_HEADER, common_metrics, performance_rows
from pytest_npuperf.result import CaseResult
from pytest_npuperf.slo import Reference
from pytest_npuperf.text import encodable

__all__ = ["case_section"]

_FILES = {
    "plot": "Concurrency visualization",
    "performance": "Performance Parameters (CSV)",
    "common": "Common Metric (JSON)",
    "details": "Every request (JSON)",
}
_COLUMNS = 3
"""Tables that the common metrics of a single stage are laid out in, side by side."""


def case_section(
    place: int, result: CaseResult, files: Mapping[str, str], results: Sequence[CaseResult]
) -> Markup:
    """A section that the verdict links to.

    Args:
        place: Among the cases, from 1: what the verdict links to.
        result: The case.
        files: What each file of the case is -> its path from the page; none where the page is to stand alone.
        results: Those of the run, this one among them.
    """
    reference = shown_reference(result)
    explored = result.exploration
    doubts = list(doubts_about_a(result, results))
    distributions = list(distribution_figures(result.stage_runs(), reference, result.verdicts))
    blocks = [
        (
            "Latency against throughput",
            None if explored is None else element("div", *exploration_blocks(explored)),
        ),
        ("Performance parameters", _performance_table(result)),
        ("Common metrics", _common_tables(result)),
        ("Latency, and the load over time", _figures(distributions, timeline_figures(result))),
        (_beside(reference), None if reference is None else baseline_table(result, reference, doubts=doubts)),
        ("Errors", errors_table(result)),
        ("The client", client_block(result)),
    ]
    return element(
        "section",
        element("h2", result.name),
        element("p", result.nodeid, class_="sub code"),
        _load(result),
        _marks(result, results),
        _links(result.name, files),
        *(
            element("div", element("h3", title), content, class_="block")
            for title, content in blocks
            if content is not None
        ),
        id=f"case-{place}",
        class_="case",
    )


def _beside(reference: Reference | None) -> str:
    return "B beside A" if reference is not None and reference.is_paired else "Against the baseline"


def _figures(latencies: Sequence[Figure], over_time: Iterable[Figure]) -> Markup:
    drawn = list(map(figure_html, (*latencies, *over_time)))
    return element(
        "div",
        None if latencies else element("p", "No request was successful: there is no latency to draw."),
        element("div", *drawn, class_="figures") if drawn else None,
    )


def _load(result: CaseResult) -> Markup:
    """What was sent and when, so that whoever was not there can judge the figures."""
    return fact_list(
        (
            ("Sent", sent_text(result)),
            ("Load", load_text(result.settings)),
            ("Counted", counted_text(result)),
        ),
        look="load",
    )


def _marks(result: CaseResult, results: Sequence[CaseResult]) -> Markup | None:
    """Without what stands below: errors by kind, and the client where it is why nothing is judged."""
    without: tuple[Literal["client", "errors"], ...] = ("errors",)
    if result.not_measured:
        without = ("errors", "client")
    marks = list(case_marks(result, results, without=without))
    if result.not_measured:
        marks.insert(0, f"{result.not_measured[0].upper()}{result.not_measured[1:]}")
    return element("ul", *(element("li", mark) for mark in marks), class_="marks") if marks else None


def _links(case: str, files: Mapping[str, str]) -> Markup | None:
    links = [
        element("a", name, href=quote(encodable(files[what])))
        for what, name in _FILES.items()
        if what in files
    ]
    return element("nav", *links, class_="files", aria_label=f"Files of {case}") if links else None


def _performance_table(result: CaseResult) -> Markup:
    summaries = result.summaries
    table = data_table("Performance parameters", PERFORMANCE_HEADER, performance_rows(summaries))
    has_bursts = any(summary.itl.min == 0 for summary in summaries)
    note = "ITL of 0 ms: chunks that came in one read have one stamp." if has_bursts else None
    return element("div", table, element("p", note, class_="note") if note else None)


def _common_tables(result: CaseResult) -> Markup:
    """One table, or a few side by side where its rows are short."""
    stages = [summary.stage for summary in result.summaries]
    rows = [
        [name, *("-" if value is None else str(value) for value in values.values())]
        for name, values in common_metrics(result.summaries).items()
    ]
    height = ceil(len(rows) / max(1, _COLUMNS + 1 - len(stages)))
    tables = [
        data_table(
            "Common metrics" if start == 0 else f"Common metrics from {rows[start][0]}",
            ["Common Metric", *stages],
            rows[start : start + height],
        )
        for start in range(0, len(rows), height)
    ]
    return element("div", *tables, class_="columns" if len(tables) > 1 else None)
