"""The steady stage: the part of a load in which neither its start nor its end shows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pytest_npuperf.metrics.concurrency import concurrency_steps
from pytest_npuperf.metrics.requests import NS_PER_S, Floats, request_values
from pytest_npuperf.metrics.stationarity import drift, settled_from
from pytest_npuperf.metrics.summary import Summary, summarize
from pytest_npuperf.trace import Ints, Trace

__all__ = ["NoSteady", "Steady", "steady_stage", "summarize_steady"]

_FEWEST = 10
"""Requests that a steady stage holds at least."""
_FEWEST_ARRIVALS = 100
"""Successful requests of an open loop from which on drifting latency can be told from chance."""
_LONGEST_REQUESTS = 3
"""How often the longest request fits into the window at least, as AISBench asks for: only requests
that lie within it count, so in a short one the long ones would be missing."""


@dataclass(frozen=True, slots=True, eq=False)
class Steady:
    """A steady stage."""

    window: tuple[float, float]
    """Its bounds in seconds from the first request sent."""
    rows: Ints
    """The requests that were sent and ended within them."""


@dataclass(frozen=True, slots=True)
class NoSteady:
    """There is no steady stage, and why."""

    reason: str


def steady_stage(trace: Trace, *, max_concurrency: int | None, open_loop: bool) -> Steady | NoSteady:
    """The steady stage of a load, or why there is none.

    A closed loop is steady from the moment at which ``max_concurrency`` requests are in flight for the
    first time to the moment at which they are for the last time (AISBench's "stable stage"). An
    open loop is steady from where its latency has settled (MSER-5) to the last arrival, if the
    latency does not drift in between; latency counts from the moment a request was due, so waiting
    for one of a bounded number of clients is in it.
    """
    if not trace.succeeded.any():
        return NoSteady("no request was successful")
    if open_loop or max_concurrency is None:
        bounds = _settled_bounds(trace)
    else:
        bounds = _full_bounds(trace, max_concurrency)
    return bounds if isinstance(bounds, NoSteady) else _within(trace, *bounds)


def summarize_steady(trace: Trace, steady: Steady, *, max_concurrency: int | None) -> Summary:
    """The summary of the steady stage of a trace.

    Samples, counts and token totals cover the requests that lie wholly within the window.
    Durations, throughputs and concurrency are of the window itself: a request that reaches over its edge
    counts with the share of its time that lies inside. Without those parts of requests a server
    would look slower, the more so the shorter the window.
    """
    start, end = steady.window
    values, good = request_values(trace), trace.succeeded
    inside = _overlap(values.start_time, values.e2el, steady.window)
    share = np.divide(inside, values.e2el, out=np.zeros_like(inside), where=values.e2el > 0)[good]

    def rate(counts: Floats) -> float | None:
        total = float((share * counts[good]).sum()) / (end - start)
        return None if np.isnan(total) else total

    input_rate, output_rate = rate(values.input_tokens), rate(values.output_tokens)
    return replace(
        summarize(trace.select(steady.rows), max_concurrency=max_concurrency, stage="steady"),
        benchmark_duration=end - start,
        concurrency=float(inside.sum()) / (end - start),
        request_throughput=rate(np.ones(len(trace))),
        input_token_throughput=input_rate,
        output_token_throughput=output_rate,
        total_token_throughput=None
        if input_rate is None or output_rate is None
        else input_rate + output_rate,
    )


def _full_bounds(trace: Trace, max_concurrency: int) -> tuple[int, int] | NoSteady:
    times, counts = concurrency_steps(trace.t_sent, trace.t_end)
    full = np.flatnonzero(counts >= max_concurrency)
    if not len(full):
        return NoSteady(
            f"at most {counts.max()} requests were in flight at once, never {max_concurrency}: "
            "too few were sent, or their clients paused in between"
        )
    return int(times[full[0]]), int(times[full[-1] + 1])


def _settled_bounds(trace: Trace) -> tuple[int, int] | NoSteady:
    good = np.flatnonzero(trace.succeeded)
    if len(good) < _FEWEST_ARRIVALS:
        return NoSteady(
            f"{len(good)} successful requests do not tell whether latency has settled, "
            f"{_FEWEST_ARRIVALS} do: send more"
        )
    arrivals = good[np.argsort(trace.t_scheduled[good], kind="stable")]
    latency = request_values(trace).e2el_scheduled[arrivals]
    first = settled_from(latency)
    if first is None:
        return NoSteady("half of the load was not enough for latency to settle: measure longer, or send less")
    # a start of more than a quarter may be a drift that the rest is too short to show
    change = drift(latency[min(first, len(latency) // 4) :])
    if change > 0:
        return NoSteady(
            f"latency grew by {change:.0%} of its mean until the last arrival: "
            "the server did not keep up, or the load was too short for latency to settle"
        )
    if change < 0:
        return NoSteady(
            f"latency fell by {-change:.0%} of its mean until the last arrival: warm up or measure longer"
        )
    start = int(trace.t_sent[arrivals[first]])
    # later turns of conversations do not arrive, they follow: the load is fading by then
    return start, int(trace.t_sent[trace.turn <= 0].max(initial=start))


def _within(trace: Trace, start: int, end: int) -> Steady | NoSteady:
    rows = np.flatnonzero((trace.t_sent >= start) & (trace.t_end <= end))
    count = int(trace.succeeded[rows].sum())
    if count < _FEWEST:
        return NoSteady(
            f"{count} successful requests lie within the {(end - start) / NS_PER_S:.3g} s in which the load "
            f"was steady, {_FEWEST} are needed: send more"
        )
    touching = (trace.t_sent < end) & (trace.t_end > start)
    longest = int((trace.t_end - trace.t_sent)[touching].max())
    if end - start < _LONGEST_REQUESTS * longest:
        return NoSteady(
            f"the load was steady for {(end - start) / NS_PER_S:.3g} s, less than {_LONGEST_REQUESTS} times "
            f"its longest request ({longest / NS_PER_S:.3g} s): send more"
        )
    origin = int(trace.t_sent.min())
    return Steady(((start - origin) / NS_PER_S, (end - origin) / NS_PER_S), rows)


def _overlap(starts: Floats, lengths: Floats, window: tuple[float, float]) -> Floats:
    inside = np.minimum(starts + lengths, window[1]) - np.maximum(starts, window[0])
    return inside.clip(min=0)
