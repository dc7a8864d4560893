"""From the requests of a report to a trace."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from pytest_npuperf.saved.files import RequestEntry
from pytest_npuperf.trace import UNKNOWN, Ints, Trace

__all__ = ["ORIGIN", "nanoseconds", "trace_of"]

ORIGIN = 10**18
"""The moment, in ns, at which the first request was sent; so far from 0 that no stamp is UNKNOWN."""
_NS_PER_S = 1e9


def trace_of(requests: Sequence[RequestEntry]) -> Trace:
    """The trace that a report was written from, exact to the nanosecond.

    What a report does not tell is unknown: the receive lag and the tokens of each chunk. Of reads
    it tells nothing either, so their counts are 0; what they showed is in the client's health.
    """
    chunks = [len(request.chunk_times) for request in requests]
    none = np.zeros(len(requests), dtype=np.int64)
    of_no_chunk = np.full(sum(chunks), UNKNOWN, dtype=np.int64)
    return Trace(
        request_id=tuple(request.id for request in requests),
        t_scheduled=_stamps(request.scheduled_time for request in requests),
        t_sent=_stamps(request.start_time for request in requests),
        t_first=_ints(_first_stamp(request) for request in requests),
        t_last=_stamps(request.chunk_times[-1] if request.chunk_times else None for request in requests),
        t_end=_stamps(request.end_time for request in requests),
        connect_ns=_ints(nanoseconds(request.connect_time or 0.0) for request in requests),
        retries=_ints(request.retries for request in requests),
        status=_counts(request.status for request in requests),
        input_tokens=_counts(request.input_tokens for request in requests),
        output_tokens=_counts(request.output_tokens for request in requests),
        cached_tokens=_counts(request.cached_tokens for request in requests),
        tokens_estimated=np.array([request.tokens_estimated for request in requests], dtype=np.bool_),
        error=_texts(request.error for request in requests),
        error_text=_texts(request.error_text for request in requests),
        finish_reason=_texts(request.finish_reason for request in requests),
        model=_texts(request.model for request in requests),
        text=_texts(request.text for request in requests),
        chunk_offsets=np.concatenate(([0], np.cumsum(chunks, dtype=np.int64))),
        chunk_stamps=_stamps(time for request in requests for time in request.chunk_times),
        chunk_lag=of_no_chunk,
        chunk_tokens=of_no_chunk,
        reads=none,
        unstamped_reads=none,
        crowded_reads=none,
        crowded_first=none,
        asked_input_tokens=_counts(request.asked_input_tokens for request in requests),
        asked_output_tokens=_counts(request.asked_output_tokens for request in requests),
        turn=_ints(UNKNOWN if request.turn is None else request.turn - 1 for request in requests),
        conversation=_counts(request.conversation for request in requests),
    )


def nanoseconds(seconds: float) -> int:
    """Seconds of a report, which were whole nanoseconds when it was written."""
    return round(seconds * _NS_PER_S)


def _first_stamp(request: RequestEntry) -> int:
    if request.prefill_latency is None:
        return UNKNOWN
    return ORIGIN + nanoseconds(request.start_time) + nanoseconds(request.prefill_latency)


def _stamps(times: Iterable[float | None]) -> Ints:
    return _ints(UNKNOWN if time is None else ORIGIN + nanoseconds(time) for time in times)


def _counts(counts: Iterable[int | None]) -> Ints:
    return _ints(UNKNOWN if count is None else count for count in counts)


def _ints(values: Iterable[int]) -> Ints:
    return np.fromiter(values, dtype=np.int64)


def _texts(texts: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(text or "" for text in texts)
