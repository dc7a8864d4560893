"""Per-request values: the durations and rates of each row of a trace."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_npuperf.trace import UNKNOWN, Ints, Trace

__all__ = ["RequestValues", "request_values"]

Floats = NDArray[np.float64]

NS_PER_S = 1e9
"""To divide by: ``9_000_000 / 1e9`` is 0.009, but ``9_000_000 * 1e-9`` is above it."""


@dataclass(frozen=True, slots=True)
class RequestValues:
    """One value a request, in the rows of the trace; seconds, tokens or token/s; NaN where undefined.

    Definitions are AISBench's (platform specification, "Per-request performance output"):
    TTFT from ``t_sent`` to the first chunk, E2EL to the end of the response, TPOT
    ``(E2EL - TTFT) / (output tokens - 1)``.
    """

    start_time: Floats
    """When it was sent, counted from the first request of the trace."""
    ttft: Floats
    e2el: Floats
    decode: Floats
    tpot: Floats
    input_tokens: Floats
    output_tokens: Floats
    output_token_throughput: Floats
    schedule_delay: Floats
    ttft_scheduled: Floats
    """TTFT counted from the moment the request was due: a wait before it was sent is in it."""
    e2el_scheduled: Floats


def request_values(trace: Trace) -> RequestValues:
    """The values of every request of a trace, failed ones included as far as they got."""
    first_sent = trace.t_sent.min() if len(trace) else 0
    decode = _between(trace.t_first, trace.t_end)
    e2el = _between(trace.t_sent, trace.t_end)
    tokens = _counts(trace.output_tokens)
    with np.errstate(divide="ignore", invalid="ignore"):
        tpot = np.where(tokens > 1, decode / (tokens - 1), np.nan)
        throughput = np.where(e2el > 0, tokens / e2el, np.nan)
    return RequestValues(
        start_time=(trace.t_sent - first_sent) / NS_PER_S,
        ttft=_between(trace.t_sent, trace.t_first),
        e2el=e2el,
        decode=decode,
        tpot=tpot,
        input_tokens=_counts(trace.input_tokens),
        output_tokens=tokens,
        output_token_throughput=throughput,
        schedule_delay=_between(trace.t_scheduled, trace.t_sent),
        ttft_scheduled=_between(trace.t_scheduled, trace.t_first),
        e2el_scheduled=_between(trace.t_scheduled, trace.t_end),
    )


def _between(start: Ints, end: Ints) -> Floats:
    known = (start != UNKNOWN) & (end != UNKNOWN)
    return np.where(known, (end - start) / NS_PER_S, np.nan)


def _counts(column: Ints) -> Floats:
    return np.where(column != UNKNOWN, column, np.nan)
