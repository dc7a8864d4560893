"""The summary of one stage: samples of the requests, and the totals of the specification's tables."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_npuperf.metrics.gaps import chunk_gaps, token_gaps
from pytest_npuperf.metrics.requests import NS_PER_S, Floats, request_values
from pytest_npuperf.metrics.sample import Sample
from pytest_npuperf.trace import CANCELLED, UNKNOWN, Ints, Trace

__all__ = ["Summary", "summarize", "turn_stages"]


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
    ttft_scheduled: Sample
    """TTFT from the moment a request was due, so that waiting to be sent cannot hide."""
    e2el_scheduled: Sample
    schedule_delay: Sample
    """Of all requests that were sent, failed ones included."""
    receive_lag: Sample
    """Of all chunks with a kernel stamp: what the client would have added without it."""

    benchmark_duration: float | None
    total_requests: int
    failed_requests: int
    success_requests: int
    cancelled_requests: int
    """Given up by the client, as the case asks: in the total, but neither failed nor successful."""
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

    cached_tokens: int | None
    """Input tokens that came from the server's prefix cache, None where it never speaks of it."""
    cache_hit_rate: float | None
    """These as a share of the input tokens, 0 to 1."""
    missed_output_length: float | None
    """Share of the answers of an exact length asked for that had another, 0 to 1; None where none was."""
    input_length_error: float | None
    """Mean of ``|counted - asked| / asked`` of the prompts that were made to have a length."""

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
    cancelled = int(trace.cancelled.sum())
    values = request_values(trace)
    gaps = chunk_gaps(trace, np.flatnonzero(good))
    duration = _benchmark_duration(trace)
    ttft = Sample(_defined(values.ttft[good]))
    total_input = _total(trace.input_tokens[good])
    total_output = _total(trace.output_tokens[good])
    total = None if total_input is None or total_output is None else total_input + total_output
    successes = int(good.sum())
    cached = _known_total(trace.cached_tokens[good])
    return Summary(
        stage=stage,
        e2el=Sample(_defined(values.e2el[good])),
        ttft=ttft,
        tpot=Sample(_defined(values.tpot[good])),
        itl=Sample(np.concatenate([np.empty(0), *gaps])),
        itl_requests=len(gaps),
        itl_per_token=Sample(token_gaps(trace, np.flatnonzero(good))),
        input_tokens=Sample(_defined(values.input_tokens[good])),
        output_tokens=Sample(_defined(values.output_tokens[good])),
        request_output_token_throughput=Sample(_defined(values.output_token_throughput[good])),
        ttft_scheduled=Sample(_defined(values.ttft_scheduled[good])),
        e2el_scheduled=Sample(_defined(values.e2el_scheduled[good])),
        schedule_delay=Sample(_defined(values.schedule_delay)),
        receive_lag=Sample(trace.chunk_lag[trace.chunk_lag != UNKNOWN] / NS_PER_S),
        benchmark_duration=duration,
        total_requests=len(trace),
        failed_requests=len(trace) - successes - cancelled,
        success_requests=successes,
        cancelled_requests=cancelled,
        concurrency=_ratio(float(values.e2el.sum()), duration),
        max_concurrency=max_concurrency,
        request_throughput=_ratio(successes, duration),
        total_input_tokens=total_input,
        prefill_token_throughput=_ratio(total_input, float(ttft.values.sum())),
        total_output_tokens=total_output,
        input_token_throughput=_ratio(total_input, duration),
        output_token_throughput=_ratio(total_output, duration),
        total_token_throughput=_ratio(total, duration),
        cached_tokens=cached,
        cache_hit_rate=_ratio(cached, _known_total(trace.input_tokens[good])),
        missed_output_length=_missed_output_length(trace, good),
        input_length_error=_input_length_error(trace, good),
        tokens_estimated=bool(trace.tokens_estimated[good].any()),
        errors=dict(Counter(kind for kind in trace.error if kind not in ("", CANCELLED))),
    )


def turn_stages(trace: Trace, *, max_concurrency: int | None) -> tuple[Summary, ...]:
    """A summary of each turn of the conversations, ``turn 1`` first; none where there are none.

    All first turns are one stage, all second ones another: their throughputs and concurrency are
    those of these requests alone, from the first sent to the last ended.
    """
    turns = np.unique(trace.turn[trace.turn != UNKNOWN])
    return tuple(
        summarize(
            trace.select(np.flatnonzero(trace.turn == turn)),
            max_concurrency=max_concurrency,
            stage=f"turn {turn + 1}",
        )
        for turn in turns
    )


def _benchmark_duration(trace: Trace) -> float | None:
    """From the first request sent to the last response ended, failed requests included."""
    return float(trace.t_end.max() - trace.t_sent.min()) / NS_PER_S if len(trace) else None


def _total(counts: Ints) -> int | None:
    return None if (counts == UNKNOWN).any() else int(counts.sum())


def _known_total(counts: Ints) -> int | None:
    """The total of the counts that are known, None where none is.

    vLLM leaves ``cached_tokens`` out of an answer for which nothing was cached, so once one answer
    has it the others' silence means 0.
    """
    known = counts[counts != UNKNOWN]
    return int(known.sum()) if len(known) else None


def _missed_output_length(trace: Trace, good: NDArray[np.bool_]) -> float | None:
    counted = good & (trace.output_tokens != UNKNOWN) & ~trace.tokens_estimated
    exact = counted & (trace.asked_output_tokens != UNKNOWN)
    missed = trace.output_tokens[exact] != trace.asked_output_tokens[exact]
    return float(missed.mean()) if len(missed) else None


def _input_length_error(trace: Trace, good: NDArray[np.bool_]) -> float | None:
    known = good & (trace.asked_input_tokens > 0) & (trace.input_tokens != UNKNOWN)
    asked = trace.asked_input_tokens[known]
    errors = np.abs(trace.input_tokens[known] - asked) / asked
    return float(errors.mean()) if len(errors) else None


def _defined(values: Floats) -> Floats:
    return values[~np.isnan(values)]


def _ratio(amount: float | None, whole: float | None) -> float | None:
    return amount / whole if amount is not None and whole else None
