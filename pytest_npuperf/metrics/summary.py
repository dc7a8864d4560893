"""The summary of one stage: seven samples and the totals of the specification's tables."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_npuperf.metrics.requests import NS_PER_S, Floats, request_values
from pytest_npuperf.metrics.sample import Sample
from pytest_npuperf.trace import UNKNOWN, Ints, Trace

__all__ = ["Summary", "summarize"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What one stage of a load measured, in AISBench's terms.

    The samples and token totals cover the successful requests; ``tpot`` and ``itl`` those with
    a decode phase. Durations are in seconds, throughputs per second. A figure that cannot be
    formed is None.
    """

    stage: str
    e2el: Sample
    ttft: Sample
    tpot: Sample
    itl: Sample
    """Gaps between neighbouring chunks, pooled over the requests."""
    itl_requests: int
    """How many requests gave gaps: the N of the ITL row."""
    itl_per_token: Sample
    """The same gaps shared out among the tokens of the later chunk, where the server says how many
    tokens its chunks carry; empty else."""
    input_tokens: Sample
    output_tokens: Sample
    request_output_token_throughput: Sample
    schedule_delay: Sample
    """Of all requests that were sent, failed ones included."""
    receive_lag: Sample
    """Of all chunks with a kernel stamp: what the client would have added without it."""

    benchmark_duration: float | None
    total_requests: int
    failed_requests: int
    success_requests: int
    concurrency: float | None
    max_concurrency: int | None
    request_throughput: float | None
    total_input_tokens: int | None
    """None where the count of any successful request is unknown."""
    prefill_token_throughput: float | None
    total_output_tokens: int | None
    input_token_throughput: float | None
    output_token_throughput: float | None
    total_token_throughput: float | None

    tokens_estimated: bool
    """True where any successful request came without usage counts."""
    errors: dict[str, int]
    """Failed requests by error kind."""

    @property
    def failure_rate(self) -> float | None:
        """Share of all requests that failed, 0 to 1."""
        return self.failed_requests / self.total_requests if self.total_requests else None


def summarize(trace: Trace, *, max_concurrency: int | None, stage: str = "total") -> Summary:
    """The summary of all requests of a trace."""
    good = trace.succeeded
    values = request_values(trace)
    gaps, gap_requests = _chunk_gaps(trace, np.flatnonzero(good))
    duration = _benchmark_duration(trace)
    ttft = Sample(_defined(values.ttft[good]))
    total_input = _total(trace.input_tokens[good])
    total_output = _total(trace.output_tokens[good])
    total = None if total_input is None or total_output is None else total_input + total_output
    successes = int(good.sum())
    return Summary(
        stage=stage,
        e2el=Sample(_defined(values.e2el[good])),
        ttft=ttft,
        tpot=Sample(_defined(values.tpot[good])),
        itl=Sample(gaps),
        itl_requests=gap_requests,
        itl_per_token=Sample(_token_gaps(trace, np.flatnonzero(good))),
        input_tokens=Sample(_defined(values.input_tokens[good])),
        output_tokens=Sample(_defined(values.output_tokens[good])),
        request_output_token_throughput=Sample(_defined(values.output_token_throughput[good])),
        schedule_delay=Sample(_defined(values.schedule_delay)),
        receive_lag=Sample(trace.chunk_lag[trace.chunk_lag != UNKNOWN] / NS_PER_S),
        benchmark_duration=duration,
        total_requests=len(trace),
        failed_requests=len(trace) - successes,
        success_requests=successes,
        concurrency=_ratio(float(values.e2el.sum()), duration),
        max_concurrency=max_concurrency,
        request_throughput=_ratio(successes, duration),
        total_input_tokens=total_input,
        prefill_token_throughput=_ratio(total_input, float(ttft.values.sum())),
        total_output_tokens=total_output,
        input_token_throughput=_ratio(total_input, duration),
        output_token_throughput=_ratio(total_output, duration),
        total_token_throughput=_ratio(total, duration),
        tokens_estimated=bool(trace.tokens_estimated[good].any()),
        errors=dict(Counter(kind for kind in trace.error if kind)),
    )


def _benchmark_duration(trace: Trace) -> float | None:
    """From the first request sent to the last response ended, failed requests included."""
    return float(trace.t_end.max() - trace.t_sent.min()) / NS_PER_S if len(trace) else None


def _chunk_gaps(trace: Trace, rows: NDArray[np.intp]) -> tuple[Floats, int]:
    gaps = [np.diff(trace.chunks(row)) for row in rows]
    with_gaps = [g for g in gaps if len(g)]
    if not with_gaps:
        return np.empty(0), 0
    return np.concatenate(with_gaps) / NS_PER_S, len(with_gaps)


def _token_gaps(trace: Trace, rows: NDArray[np.intp]) -> Floats:
    if not len(trace.chunk_tokens) or (trace.chunk_tokens < 1).any():
        return np.empty(0)
    gaps = [np.empty(0)]
    for row in rows:
        later = slice(trace.chunk_offsets[row] + 1, trace.chunk_offsets[row + 1])
        tokens = trace.chunk_tokens[later]
        gaps.append(np.repeat(np.diff(trace.chunks(row)) / tokens, tokens))
    return np.concatenate(gaps) / NS_PER_S


def _total(counts: Ints) -> int | None:
    return None if (counts == UNKNOWN).any() else int(counts.sum())


def _defined(values: Floats) -> Floats:
    return values[~np.isnan(values)]


def _ratio(amount: float | None, duration: float | None) -> float | None:
    return amount / duration if amount is not None and duration else None
