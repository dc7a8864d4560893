"""The files of one case: CSV of the parameters, JSON of the common metrics, JSON of every request."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import fields
from itertools import pairwise
from typing import Any

import msgspec

from pytest_npuperf.metrics import Summary
from pytest_npuperf.report.axis import axis_origin, prefill_latency, seconds
from pytest_npuperf.report.tables import PERFORMANCE_HEADER, common_metrics, performance_rows
from pytest_npuperf.text import encodable, printable
from pytest_npuperf.trace import UNKNOWN, Ints, Trace

__all__ = ["common_json", "details_blocks", "details_json", "performance_csv", "request_details"]

_BLOCK = 5000
"""Requests that are encoded at a time."""
_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a formula begins with; the last four are fullwidth."""


def performance_csv(summaries: Sequence[Summary]) -> bytes:
    """The Performance Parameters table as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(PERFORMANCE_HEADER)
    for name, stage, *cells in performance_rows(summaries):
        writer.writerow([name, _no_formula(stage), *cells])
    return text.getvalue().encode()


def common_json(summaries: Sequence[Summary]) -> bytes:
    """The Common Metric table as JSON: metric -> stage -> value."""
    return msgspec.json.format(msgspec.json.encode(common_metrics(summaries)), indent=4) + b"\n"


def details_json(trace: Trace) -> bytes:
    """Every request as JSON, a line each."""
    return b"".join(details_blocks(trace))


def details_blocks(trace: Trace) -> Iterator[bytes]:
    """``details_json`` in pieces, so that no more than a few thousand requests are in memory as objects."""
    encoder = msgspec.json.Encoder()
    origin = axis_origin(trace)
    yield b"[\n"
    for start in range(0, len(trace), _BLOCK):
        details = _details(_rows(trace, start, min(start + _BLOCK, len(trace))), origin)
        lines = b",\n".join(encoder.encode(request) for request in details)
        yield b",\n" + lines if start else lines
    yield b"\n]\n"


def request_details(trace: Trace) -> list[dict[str, Any]]:
    """One object a request, in the order of the trace.

    Times are in seconds from the first request sent, so that the specification's formulas
    read literally: TTFT = ``prefill_latency``, Decode = ``end_time - (start_time +
    prefill_latency)``, E2EL = ``end_time - start_time``. What is not known is None.
    """
    return _details(trace, axis_origin(trace))


def _details(trace: Trace, origin: int) -> list[dict[str, Any]]:
    chunk_times = seconds(trace.chunk_stamps, origin)
    offsets = trace.chunk_offsets.tolist()
    columns = {
        "id": [encodable(request) for request in trace.request_id],
        "success": trace.succeeded.tolist(),
        "error": _texts(trace.error),
        "error_text": _texts(trace.error_text),
        "status": _counts(trace.status),
        "start_time": seconds(trace.t_sent, origin),
        "prefill_latency": prefill_latency(trace),
        "end_time": seconds(trace.t_end, origin),
        "scheduled_time": seconds(trace.t_scheduled, origin),
        "connect_time": seconds(trace.connect_ns),
        "retries": trace.retries.tolist(),
        "input_tokens": _counts(trace.input_tokens),
        "output_tokens": _counts(trace.output_tokens),
        "cached_tokens": _counts(trace.cached_tokens),
        "tokens_estimated": trace.tokens_estimated.tolist(),
        "asked_input_tokens": _counts(trace.asked_input_tokens),
        "asked_output_tokens": _counts(trace.asked_output_tokens),
        "turn": [None if turn == UNKNOWN else turn + 1 for turn in trace.turn.tolist()],
        "conversation": _counts(trace.conversation),
        "finish_reason": _texts(trace.finish_reason),
        "model": _texts(trace.model),
        "text": _texts(trace.text),
        "chunk_times": [chunk_times[start:end] for start, end in pairwise(offsets)],
    }
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _rows(trace: Trace, start: int, end: int) -> Trace:
    """Neighbouring rows of a trace, without a copy of their columns."""
    first, last = trace.chunk_offsets[[start, end]].tolist()
    columns: dict[str, Any] = {}
    for field in fields(trace):
        column = getattr(trace, field.name)
        if field.name == "chunk_offsets":
            columns[field.name] = column[start : end + 1] - first
        elif field.name.startswith("chunk_"):
            columns[field.name] = column[first:last]
        else:
            columns[field.name] = column[start:end]
    return Trace(**columns)


def _counts(values: Ints) -> list[int | None]:
    return [None if value == UNKNOWN else value for value in values.tolist()]


def _texts(values: Sequence[str]) -> list[str | None]:
    return [encodable(value) or None for value in values]


def _no_formula(text: str) -> str:
    """Text that a spreadsheet does not take for a formula, in whichever width its signs are written."""
    shown = printable(text)
    return f"'{shown}" if text.lstrip(" ").startswith(_FORMULA_SIGNS) else shown
