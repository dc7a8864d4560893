"""The failed requests of a case by kind."""

from __future__ import annotations

from pytest_npuperf.report.html.markup import Child, Markup, element
from pytest_npuperf.report.html.tables import data_table
from pytest_npuperf.result import CaseResult
from pytest_npuperf.text import printable

__all__ = ["ERROR_WORDS", "errors_table"]

ERROR_WORDS = {
    "connect": "no connection",
    "timeout_connect": "no connection in time",
    "timeout_first_chunk": "no output in time",
    "timeout_between_chunks": "too long between two chunks",
    "timeout_total": "not ended in time",
    "broken": "stream broke off",
    "http_status": "HTTP status",
    "server_error": "error inside the stream",
    "bad_event": "event that the protocol does not allow",
    "truncated": "stream without a finish reason",
    "empty": "no output",
}
"""Kinds of failures in plain words."""
_HEADER = ("Kind", "", "Requests", "Share", "The first one")
_LONGEST = 300


def errors_table(result: CaseResult) -> Markup | None:
    """Failed requests by kind, the most frequent first; None where there are none."""
    summary, trace = result.summary, result.trace
    rows: list[list[Child]] = [
        [
            element("code", kind),
            ERROR_WORDS.get(kind, ""),
            count,
            f"{count / summary.total_requests:.1%}",
            element("span", printable(trace.error_text[trace.error.index(kind)], _LONGEST), class_="error"),
        ]
        for kind, count in sorted(summary.errors.items(), key=lambda error: -error[1])
    ]
    return data_table("Errors by kind", _HEADER, rows, texts=(1, 4)) if rows else None
