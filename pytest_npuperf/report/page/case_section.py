"""All that is known of one case: its tables, distributions, what happened over time, the client, errors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote

from pytest_npuperf.errors import BaselineError
from pytest_npuperf.metrics import Sample
from pytest_npuperf.report.charts.distributions import distribution_figures
from pytest_npuperf.report.charts.figure import Figure, figure_html
from pytest_npuperf.report.charts.scale import number, quantity, time_unit
from pytest_npuperf.report.charts.timelines import timeline_figures
from pytest_npuperf.report.html.markup import Child, Markup, element
from pytest_npuperf.report.html.tables import data_table
from pytest_npuperf.report.html.verdict_marks import Look, badge
from pytest_npuperf.report.marks import case_marks
from pytest_npuperf.report.page.baseline import baseline_table
from pytest_npuperf.report.page.exploration import exploration_blocks
from pytest_npuperf.report.tables import PERFORMANCE_HEADER, common_metrics, performance_rows
from pytest_npuperf.report.text import encodable, printable
from pytest_npuperf.result import CaseResult
from pytest_npuperf.slo import Reference

__all__ = ["case_section"]

_FILES = {
    "plot": "Concurrency visualization",
    "performance": "Performance Parameters (CSV)",
    "common": "Common Metric (JSON)",
    "details": "Every request (JSON)",
}
_HEALTH_LOOKS: dict[str, Look] = {"ok": "pass", "suspect": "open", "invalid": "fail"}
_SHARES = {
    "crowded_reads": "reads of several chunks that may have waited for the client",
    "crowded_first": "first chunks in such a read",
    "late_share": "time between a request being due and being sent",
    "rate_shortfall": "shortfall of the asked rate",
    "run_delay_share": "time without a processor",
    "cpu_share": "use of one processor",
    "unstamped_reads": "reads without a kernel stamp",
}
_LONGEST_ERROR = 300


def case_section(place: int, result: CaseResult, files: Mapping[str, str]) -> Markup:
    """A section that the verdict links to.

    Args:
        place: Among the cases, from 1: what the verdict links to.
        result: The case.
        files: What each file of the case is -> its path from the page; none where the page is to stand alone.
    """
    reference = _reference(result)
    explored, over_time = result.exploration, timeline_figures(result)
    distributions = distribution_figures(result.stage_runs(), reference, result.verdicts)
    blocks = [
        (
            "Latency against throughput",
            None if explored is None else element("div", *exploration_blocks(explored)),
        ),
        ("Performance parameters", _performance_table(result)),
        ("Common metrics", _common_table(result)),
        ("Latency", _figures(distributions)),
        ("Over time", _figures(over_time)),
        ("Against the baseline", None if reference is None else baseline_table(result, reference)),
        ("Errors", _errors(result)),
        ("The client", _health(result)),
    ]
    return element(
        "section",
        element("h2", result.name),
        element("p", result.nodeid, class_="sub code"),
        _marks(result),
        _links(result.name, files),
        *(
            element("div", element("h3", title), content, class_="block")
            for title, content in blocks
            if content is not None
        ),
        id=f"case-{place}",
        class_="case",
    )


def _figures(figures: Iterable[Figure]) -> Markup:
    drawn = list(map(figure_html, figures))
    return element("div", *drawn, class_="figures") if drawn else element("p", "There is nothing to draw.")


def _reference(result: CaseResult) -> Reference | None:
    """What the budgets of the case were held against, or would be; None where there is nothing."""
    named = [verdict.budget.relative.baseline for verdict in result.verdicts if verdict.budget.relative]
    try:
        return result.judging.reference(named[0] if named else None, "total")
    except BaselineError:
        return None


def _marks(result: CaseResult) -> Markup | None:
    marks = list(case_marks(result))
    if result.not_measured:
        marks.insert(0, f"Not measured: {result.not_measured}")
    return element("ul", *(element("li", mark) for mark in marks), class_="marks") if marks else None


def _links(case: str, files: Mapping[str, str]) -> Markup | None:
    links = [
        element("a", name, href=quote(encodable(files[what])))
        for what, name in _FILES.items()
        if what in files
    ]
    return element("nav", *links, class_="files", aria_label=f"Files of {case}") if links else None


def _performance_table(result: CaseResult) -> Markup:
    return data_table("Performance parameters", PERFORMANCE_HEADER, performance_rows(result.summaries))


def _common_table(result: CaseResult) -> Markup:
    rows = [
        [name, *("-" if value is None else str(value) for value in values.values())]
        for name, values in common_metrics(result.summaries).items()
    ]
    return data_table("Common metrics", ["Common Metric", *(one.stage for one in result.summaries)], rows)


def _errors(result: CaseResult) -> Markup | None:
    """Failed requests by kind; None where there are none."""
    summary, trace = result.summary, result.trace
    rows: list[list[Child]] = [
        [
            kind,
            count,
            f"{count / summary.total_requests:.1%}",
            element(
                "span", printable(trace.error_text[trace.error.index(kind)], _LONGEST_ERROR), class_="error"
            ),
        ]
        for kind, count in sorted(summary.errors.items(), key=lambda error: -error[1])
    ]
    return (
        data_table("Errors by kind", ["Kind", "Requests", "Share", "The first one"], rows) if rows else None
    )


def _health(result: CaseResult) -> Markup:
    health = result.health
    reasons = [element("li", reason) for reason in health.reasons]
    shares = [
        [text, f"{value:.2%}"]
        for name, text in _SHARES.items()
        if (value := getattr(health, name)) is not None
    ]
    return element(
        "div",
        element("p", badge(health.state, _HEALTH_LOOKS[health.state]), f" {_stamps(result)}"),
        element("ul", *reasons, class_="notes") if reasons else None,
        element(
            "div",
            data_table("Shares that tell how the client fared", ["Share of", "Share"], shares),
            data_table("Delays of the client", ["Delay", "Median", "P99", "Max", "n"], _delays(result)),
            class_="pair",
        ),
    )


def _stamps(result: CaseResult) -> str:
    whose = "the kernel's" if result.trace.kernel_stamps else "the client's own"
    rates = ""
    if result.health.asked_rate is not None and result.health.achieved_rate is not None:
        asked, achieved = number(result.health.asked_rate), number(result.health.achieved_rate)
        rates = f" Asked for were {asked} req/s, achieved {achieved}."
    return f"Arrival times are {whose}.{rates}"


def _delays(result: CaseResult) -> Iterator[list[str]]:
    samples = {
        "a request sent after it was due": result.summary.schedule_delay,
        "a chunk seen after it came": result.summary.receive_lag,
    }
    for name, sample in samples.items():
        yield [name, *_delay(sample), str(sample.n)]


def _delay(sample: Sample) -> list[str]:
    values = (sample.median, sample.percentile(99), sample.max)
    return ["-" if value is None else quantity(value, time_unit(value)) for value in values]
