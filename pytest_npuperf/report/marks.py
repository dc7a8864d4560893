"""What a reader must know of a case before its figures."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from typing import Literal

from pytest_npuperf.report.sides import doubts_about_a
from pytest_npuperf.report.windows import Window, windows
from pytest_npuperf.result import CaseResult
from pytest_npuperf.text import printable

__all__ = ["case_marks"]

_LONGEST_ERROR = 200


def case_marks(
    result: CaseResult,
    results: Sequence[CaseResult] = (),
    *,
    without: Container[Literal["client", "errors"]] = (),
) -> Iterator[str]:
    """A line for each thing, safe to show; nothing for a case without blemish.

    Args:
        result: The case.
        results: Those of its run: B is told what is to be known of A.
        without: What is said elsewhere: why the client is not ok, which requests failed.
    """
    return map(printable, _marks(result, results, without))


def _marks(result: CaseResult, results: Sequence[CaseResult], without: Container[str]) -> Iterator[str]:
    if result.stopped:
        yield f"STOPPED before its end; requests measured until then: {len(result.trace)}"
    if result.aborted:
        yield f"ABORTED: {result.aborted}"
    if result.health.state != "ok" and "client" not in without:
        yield f"CLIENT {result.health.state}: {'; '.join(result.health.reasons)}"
    for reason in result.vacuous:
        yield f"VACUOUS: {reason}"
    for reason in result.suspect:
        yield f"SUSPECT: {reason}"
    yield from doubts_about_a(result, results)
    if result.confirmations:
        why = "by turns with another server" if result.in_pairs else "as it was too close to tell"
        yield f"Measured {result.confirmations + 1} times, {why}; the figures are of all requests"
    if result.no_steady:
        yield f"No steady stage: {result.no_steady}"
    elif result.steady_window:
        yield _steady_text(windows(result).steady)
    for kind, failures in result.summary.errors.items() if "errors" not in without else ():
        first = printable(result.trace.error_text[result.trace.error.index(kind)], _LONGEST_ERROR)
        yield f"{failures} failed with {kind}" + (f", the first: {first}" if first else "")
    if result.summary.cancelled_requests:
        yield f"{result.summary.cancelled_requests} cancelled by the client, as the case asks"
    if result.summary.missed_output_length:
        yield f"{result.summary.missed_output_length:.1%} of the answers missed the output length asked for"
    if result.summary.tokens_estimated:
        yield "Token counts are estimated from chunks where the server reported no usage"


def _steady_text(steady: Sequence[Window]) -> str:
    """When the steady stage of each measurement was, on the axis of the charts."""
    spans = ", ".join(f"{round(start, 2):.15g} to {round(end, 2):.15g} s" for start, end in steady)
    if len(steady) == 1:
        return f"Steady stage: {spans} after the first request was sent"
    return f"Steady stages: {spans}, one measurement after the other"
