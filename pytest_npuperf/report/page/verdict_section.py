"""The verdict: what a reader sees first, each case with its budgets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_npuperf.report.charts.scale import Unit, quantity
from pytest_npuperf.report.exploration import named_load
from pytest_npuperf.report.html.markup import Child, Markup, element
from pytest_npuperf.report.html.verdict_marks import Look, badge, verdict_badge, verdict_strip
from pytest_npuperf.report.page.exploration import step_below
from pytest_npuperf.report.page.overview import Entry
from pytest_npuperf.report.page.reading import reading
from pytest_npuperf.report.sides import doubts_about_a
from pytest_npuperf.report.states import failure_of
from pytest_npuperf.report.support import is_case_supported, starred
from pytest_npuperf.report.verdict_cells import (
    bound_text,
    interval_text,
    measured_text,
    n_text,
    verdict_notes,
)
from pytest_npuperf.report.verdicts import expression_text
from pytest_npuperf.result import CaseResult, RunRecord
from pytest_npuperf.slo import Verdict

__all__ = ["verdict_section"]

_MS = Unit("ms", 1e-3)
_HEADER = ("Budget", "", "Measured", "90 % interval", "Bound", "n", "Verdict")
_NOT_MEASURED = "not measured"
_LATENCIES = (("TTFT P50", "ttft", "p50"), ("TTFT P99", "ttft", "p99"), ("TPOT P50", "tpot", "p50"))


def verdict_section(record: RunRecord, entries: Sequence[Entry]) -> Markup:
    """Each case with its budgets, the estimate with its interval against the bound, and the figure's n.

    Args:
        record: The run.
        entries: Its cases: those of its results in their order, then those that were not measured.
    """
    count = len(record.results)
    cases = [
        _case(number, result, entry, record)
        for number, (result, entry) in enumerate(zip(record.results, entries, strict=False), start=1)
    ]
    cases += [
        _unmeasured(entry, nodeid, record.failures[nodeid])
        for entry, nodeid in zip(entries[count:], record.unmeasured, strict=True)
    ]
    return element("section", element("h2", "Verdict"), _reading(record, entries), *cases, class_="verdicts")


def _reading(record: RunRecord, entries: Sequence[Entry]) -> Markup | None:
    measured = [result for result in record.results if not result.not_measured]
    words = {entry.state for entry in entries} | {chip for one in record.results for chip, _ in _chips(one)}
    return reading(
        [verdict for result in record.results for verdict in result.verdicts],
        words if all(entry.is_measured for entry in entries) else {*words, _NOT_MEASURED},
        has_unsupported=any(
            not is_case_supported(result, *key[1:]) for result in measured for key in _LATENCIES
        ),
    )


def _case(number: int, result: CaseResult, entry: Entry, record: RunRecord) -> Markup:
    chips, failure = dict(_chips(result)), failure_of(result, record)
    reasons = [failure, *(reason for reason in chips.values() if reason not in failure)]
    reasons += doubts_about_a(result, record.results)
    return _article(
        entry,
        element("a", result.name, href=f"#case-{number}"),
        [_chip(name) for name in chips if name != entry.state],
        [reason for reason in reasons if reason],
        None if result.not_measured else element("p", *_key_figures(result), class_="keys"),
        _table(result) if result.verdicts else element("p", _unjudged(result), class_="note"),
        *_notes(result.verdicts),
    )


def _unmeasured(entry: Entry, nodeid: str, failure: str) -> Markup:
    return _article(
        entry,
        entry.name,
        [_chip(_NOT_MEASURED)],
        [failure] if failure else [],
        element("p", nodeid, class_="sub code"),
    )


def _article(
    entry: Entry, name: Child, chips: Sequence[Markup], reasons: Sequence[str], *content: Markup | None
) -> Markup:
    return element(
        "article",
        element("header", element("h3", name), badge(entry.state, entry.look), *chips),
        *(element("p", reason, class_=f"why {entry.look}") for reason in reasons),
        *content,
        id=entry.place,
        class_="case-verdict",
    )


def _chips(result: CaseResult) -> Iterator[tuple[str, str]]:
    """What a reader must know beside the state, each with its reason."""
    if result.not_measured:
        yield _NOT_MEASURED, result.not_measured
    elif result.health.state != "ok":
        yield f"client {result.health.state}", f"The client: {'; '.join(result.health.reasons)}"
    if result.stopped:
        yield "stopped", f"Stopped before its end; requests measured until then: {len(result.trace)}"
    if result.aborted:
        yield "aborted", result.aborted
    vacuous = "; ".join(result.vacuous)
    if vacuous:
        yield "vacuous", vacuous
    if result.suspect:
        yield "suspect", "; ".join(result.suspect)


def _chip(name: str) -> Markup:
    looks: dict[str, Look] = {"client suspect": "open", "stopped": "open", "suspect": "open"}
    return element("span", name, class_=f"chip {looks.get(name, 'fail')}")


def _key_figures(result: CaseResult) -> Iterator[Markup]:
    summary, explored = result.summary, result.exploration
    if explored is not None and explored.steps:
        load = named_load(explored.axis, explored.steps[step_below(explored)].load)
        yield element("span", f"at {load}:", class_="name")
    if summary.failed_requests:
        yield element("span", f"of the {summary.success_requests} successful:", class_="name")
    for name, metric, statistic in _LATENCIES:
        yield _key(name, _latency(result, metric, statistic))
    yield _key("output", quantity(summary.output_token_throughput, Unit("token/s", 1.0)))
    yield _key("requests", str(summary.total_requests))
    yield _key("failed", str(summary.failed_requests))


def _latency(result: CaseResult, metric: str, statistic: str) -> str:
    value = getattr(result.summary, metric).statistic(statistic)
    return starred(quantity(value, _MS), result, metric, statistic)


def _key(name: str, value: str) -> Markup:
    return element("span", element("span", name, class_="name"), " ", element("b", value))


def _unjudged(result: CaseResult) -> str:
    return "Not judged: the figures are not the server's." if result.not_measured else "It has no budget."


def _table(result: CaseResult) -> Markup:
    # On a narrow screen the rows are drawn as blocks; browsers would forget then that it is a table.
    head = element(
        "tr", *(element("th", cell, role="columnheader", scope="col") for cell in _header()), role="row"
    )
    return element(
        "table",
        element("caption", f"Budgets of {result.name}", class_="hidden"),
        element("thead", head, role="rowgroup"),
        element("tbody", *map(_row, result.verdicts), role="rowgroup"),
        role="table",
        class_="budgets",
    )


def _header() -> Iterator[Child]:
    return (cell or element("span", "Picture", class_="hidden") for cell in _HEADER)


def _row(verdict: Verdict) -> Markup:
    cells = (
        verdict_strip(verdict),
        measured_text(verdict),
        interval_text(verdict),
        bound_text(verdict),
        n_text(verdict),
        verdict_badge(verdict),
    )
    return element(
        "tr",
        element("th", expression_text(verdict.budget), role="rowheader", scope="row"),
        *(
            element("td", cell, role="cell", data_label=label or None, class_=None if label else "picture")
            for label, cell in zip(_HEADER[1:], cells, strict=True)
        ),
        role="row",
    )


def _notes(verdicts: Sequence[Verdict]) -> Iterator[Markup]:
    notes = [
        element("li", element("code", verdict.budget.expression), ": ", note)
        for verdict in verdicts
        for note in (*verdict_notes(verdict), *verdict.mismatches)
    ]
    if notes:
        yield element("ul", *notes, class_="notes")
