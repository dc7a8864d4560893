"""The verdict: what a reader sees first, each case with its budgets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from pytest_npuperf.report.charts.scale import Unit, quantity
from pytest_npuperf.report.html.markup import Child, Markup, element
from pytest_npuperf.report.html.verdict_marks import Look, badge, verdict_badge, verdict_strip
from pytest_npuperf.report.verdict_cells import (
    bound_text,
    interval_text,
    measured_text,
    n_text,
    verdict_notes,
)
from pytest_npuperf.report.verdicts import expression_text
from pytest_npuperf.result import CaseResult
from pytest_npuperf.slo import Verdict

__all__ = ["case_state", "headline", "verdict_section"]

_MS = Unit("ms", 1e-3)
_HEADER = ("Budget", "", "Measured", "Interval", "Bound", "n", "Verdict")
_LOOKS: dict[str, Look] = {"passed": "pass", "failed": "fail", "error": "fail"}
_GRAVEST_FIRST = ("failed", "error", "stopped", "skipped", "inconclusive", "no baseline", "passed")


def case_state(result: CaseResult, outcomes: Mapping[str, str]) -> str:
    """How a case came out: its item's outcome, or what keeps it from being a plain pass."""
    outcome = outcomes.get(result.nodeid, "passed")
    if outcome != "passed":
        return outcome
    if result.stopped:
        return "stopped"
    open_outcomes = {verdict.outcome for verdict in result.verdicts}
    return next(
        (outcome for outcome in ("inconclusive", "no baseline") if outcome in open_outcomes), "passed"
    )


def headline(results: Sequence[CaseResult], outcomes: Mapping[str, str]) -> tuple[str, Look]:
    """The run in one line: ``2 of 3 cases failed``."""
    if not results:
        return "No case was measured", "open"
    total = len(results)
    counts = Counter(case_state(result, outcomes) for result in results)
    if counts["passed"] == total:
        return ("The case passed" if total == 1 else f"All {total} cases passed"), "pass"
    states = sorted(set(counts) - {"passed"}, key=_rank)
    first, *others = states
    parts = [f"{counts[first]} of {total} cases {first}" if total > 1 else f"The case: {first}"]
    parts += [f"{counts[state]} {state}" for state in others]
    return ", ".join(parts), _LOOKS.get(first, "open")


def verdict_section(results: Sequence[CaseResult], outcomes: Mapping[str, str]) -> Markup:
    """Each case with its budgets, the estimate with its interval against the bound, and the figure's n."""
    cases = [
        _case(number, result, case_state(result, outcomes)) for number, result in enumerate(results, start=1)
    ]
    return element("section", element("h2", "Verdict"), *cases, class_="verdicts")


def _case(number: int, result: CaseResult, state: str) -> Markup:
    name = element("a", result.name, href=f"#case-{number}")
    return element(
        "article",
        element("header", element("h3", name), badge(state, _LOOKS.get(state, "open"))),
        element("p", *_key_figures(result), class_="keys"),
        _table(result) if result.verdicts else element("p", _unjudged(result), class_="note"),
        *_notes(result.verdicts),
        class_="case-verdict",
    )


def _key_figures(result: CaseResult) -> Iterator[Markup]:
    summary = result.summary
    figures = (
        ("TTFT P50", quantity(summary.ttft.median, _MS)),
        ("TTFT P99", quantity(summary.ttft.percentile(99), _MS)),
        ("TPOT P50", quantity(summary.tpot.median, _MS)),
        ("output", quantity(summary.output_token_throughput, Unit("token/s", 1.0))),
        ("requests", str(summary.total_requests)),
        ("failed", str(summary.failed_requests)),
    )
    for name, value in figures:
        yield element("span", element("span", name, class_="name"), " ", element("b", value))


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


def _rank(state: str) -> int:
    return _GRAVEST_FIRST.index(state) if state in _GRAVEST_FIRST else 0
