"""What happened over time: output tokens a second, requests in flight, arrivals asked for and achieved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pytest_npuperf.metrics import concurrency_steps
from pytest_npuperf.metrics.requests import NS_PER_S, Floats
from pytest_npuperf.report.axis import axis_origin
from pytest_npuperf.report.charts.curves import Curve, step_band, step_curves
from pytest_npuperf.report.charts.figure import Figure
from pytest_npuperf.report.charts.frame import Frame
from pytest_npuperf.report.charts.scale import Unit, linear, number, round_step
from pytest_npuperf.report.charts.stages import again_labels, backdrop, described_windows
from pytest_npuperf.report.html.markup import Markup, joined
from pytest_npuperf.report.html.tables import data_table
from pytest_npuperf.report.windows import Windows, windows
from pytest_npuperf.result import CaseResult
from pytest_npuperf.trace import UNKNOWN, Ints, Trace

__all__ = ["timeline_figures"]

_SECONDS = Unit("s", 1.0)
_INTERVALS = 80
"""About how many the time of a load is cut into to form rates."""
_ROWS = 10
"""About how many a table has."""


@dataclass(frozen=True, slots=True, eq=False)
class _Clock:
    """The time axis of a case, in seconds from the first request sent."""

    trace: Trace
    origin: int
    duration: float
    windows: Windows

    def seconds(self, stamps: Ints) -> Floats:
        moments: Floats = (stamps[stamps != UNKNOWN] - self.origin) / NS_PER_S
        return moments

    def edges(self, intervals: int) -> Floats:
        """Round moments; the last interval takes in what is left after it."""
        step = round_step(self.duration / intervals)
        inner = np.arange(0, self.duration - step / 2, step)
        return np.append(inner if len(inner) else [0.0], self.duration)


def timeline_figures(result: CaseResult) -> Iterator[Figure]:
    """Token rate, concurrency and, where arrivals were asked for at moments of their own, their rate."""
    trace = result.trace
    origin = axis_origin(trace)
    duration = float(trace.t_end.max(initial=origin) - origin) / NS_PER_S
    if duration <= 0:
        return
    clock = _Clock(trace, origin, duration, windows(result))
    yield _token_rate(clock)
    yield _concurrency(clock)
    if result.health.asked_rate is not None:
        yield _arrivals(clock, result.health.asked_rate, _schedule(result, result.health.asked_rate))


def _token_rate(clock: _Clock) -> Figure:
    moments, weights = _tokens(clock)
    edges = clock.edges(_INTERVALS)
    rate = _rates(moments, edges, weights)
    average = float(weights.sum()) / clock.duration
    low, high = np.quantile(rate, (0.05, 0.95))
    sentence = (
        f"{number(average)} token/s on average; in nine of ten intervals of {number(edges[1] - edges[0])} s "
        f"between {number(float(low))} and {number(float(high))} token/s."
    )
    coarse = clock.edges(_ROWS)
    return _figure(
        clock,
        "Output token rate",
        "token/s of the successful requests, over time",
        [Curve("output", "main", edges[:-1], rate, clock.duration)],
        "token/s",
        sentence,
        _by_interval("Output token rate", ["token/s"], coarse, [_rates(moments, coarse, weights)]),
    )


def _tokens(clock: _Clock) -> tuple[Floats, Floats]:
    """The moment of each chunk of the successful requests, and how many tokens it stands for.

    Where the server does not say how many a chunk carries, each carries as many as any other of its answer.
    """
    trace = clock.trace
    counts = np.diff(trace.chunk_offsets)
    with np.errstate(divide="ignore", invalid="ignore"):
        even = np.where(trace.output_tokens != UNKNOWN, trace.output_tokens / counts, 1.0)
    weights = np.repeat(even, counts)
    if len(trace.chunk_tokens) and (trace.chunk_tokens != UNKNOWN).all():
        weights = trace.chunk_tokens.astype(np.float64)
    kept = np.repeat(trace.succeeded, counts)
    return (trace.chunk_stamps[kept] - clock.origin) / NS_PER_S, weights[kept]


def _concurrency(clock: _Clock) -> Figure:
    known = (clock.trace.t_sent != UNKNOWN) & (clock.trace.t_end != UNKNOWN)
    times, counts = concurrency_steps(clock.trace.t_sent[known], clock.trace.t_end[known])
    moments, in_flight = clock.seconds(times), counts.astype(np.float64)
    edges, coarse = clock.edges(_INTERVALS // 2), clock.edges(_ROWS)
    average, least, most = _levels(moments, in_flight, edges)
    names = ("average", "least", "most")
    curves = [
        Curve(name, look, edges[:-1], values, clock.duration)
        for name, look, values in zip(names, ("main", "edge", "edge"), (average, least, most), strict=True)
    ]
    (whole,), _, _ = _levels(moments, in_flight, np.array([0.0, clock.duration]))
    return _figure(
        clock,
        "Concurrency",
        f"requests in flight, over time: averages of {number(edges[1] - edges[0])} s, and a band from the "
        "fewest to the most",
        curves,
        "",
        f"At most {number(float(in_flight.max()))} at once, {number(float(whole))} on average.",
        _by_interval("Concurrency", names, coarse, _levels(moments, in_flight, coarse)),
        is_count=True,
    )


def _levels(moments: Floats, in_flight: Floats, edges: Floats) -> tuple[Floats, Floats, Floats]:
    """Of each interval: the average by time, the fewest and the most in flight at any time."""
    area = np.append(0.0, np.cumsum(np.diff(moments) * in_flight[:-1]))
    average = np.diff(np.interp(edges, moments, area)) / np.diff(edges)
    parts = [in_flight[_within(moments, start, end)] for start, end in pairwise(edges)]
    least, most = (np.array([extreme(part) for part in parts]) for extreme in (np.min, np.max))
    return average, least, most


def _within(moments: Floats, start: float, end: float) -> slice:
    """The steps that hold at any time between two moments."""
    first = max(0, int(np.searchsorted(moments, start, side="right")) - 1)
    return slice(first, max(first + 1, int(np.searchsorted(moments, end, side="left"))))


def _schedule(result: CaseResult, asked: float) -> str:
    """What was to be sent, and what was."""
    load = result.settings.get("load")
    arrival = load.get("arrival") if isinstance(load, Mapping) else None
    drawn = "" if arrival in (None, "constant") else " drawn from the seed"
    achieved = result.health.achieved_rate
    sent = f"; sent were {number(achieved)}" if achieved is not None else ""
    of = " in the measurement that fell furthest behind it" if result.measurements else ""
    return f"The schedule{drawn} has {number(asked)} req/s{sent}{of}."


def _arrivals(clock: _Clock, asked: float, sentence: str) -> Figure:
    columns = {
        "due": ("asked", clock.seconds(clock.trace.t_scheduled)),
        "sent": ("main", clock.seconds(clock.trace.t_sent)),
        "ended": ("second", clock.seconds(clock.trace.t_end)),
    }
    gap = 1 / asked
    curves = [
        _arrival_curve(clock, name, look, moments, gap)
        for name, (look, moments) in columns.items()
        if len(moments)
    ]
    coarse = clock.edges(_ROWS)
    rows = [_spread_rates(moments, coarse, gap) for _, moments in columns.values()]
    return _figure(
        clock,
        "Arrival rate",
        "req/s due, sent and ended, over time; each counts for the mean gap between two that are due",
        curves,
        "req/s",
        sentence,
        _by_interval("Arrival rate", [f"{name}, req/s" for name in columns], coarse, rows),
    )


def _arrival_curve(clock: _Clock, name: str, look: str, moments: Floats, gap: float) -> Curve:
    """A rate from the first of its moments to one gap after the last; 0 from there on.

    Its first and its last interval are what is left of whole ones, half a whole one at least.
    """
    start, end = float(moments.min()), float(moments.max()) + gap
    step = round_step(clock.duration / (_INTERVALS // 2))
    inner = np.arange(1, end / step) * step
    inner = inner[(inner >= start + step / 2) & (inner <= end - step / 2)]
    edges = np.concatenate(([start], inner, [end]))
    x, rates = edges[:-1], _spread_rates(moments, edges, gap)
    if end < clock.duration:
        x, rates = edges, np.append(rates, 0.0)
    return Curve(name, look, np.maximum(x, 0), rates, clock.duration)


def _spread_rates(moments: Floats, edges: Floats, gap: float) -> Floats:
    """How many of what happens about every ``gap`` came in each interval, per second.

    Each counts evenly for the gap that it begins. Counted by their moments, those at an edge would make a
    constant rate jump from interval to interval.
    """
    passed = [np.clip((edge - moments) / gap, 0, 1).sum() for edge in edges.tolist()]
    rates: Floats = np.diff(passed) / np.diff(edges)
    return rates


def _rates(moments: Floats, edges: Floats, weights: Floats | None = None) -> Floats:
    """How much came in each interval, per second; what came before the first one counts for it."""
    counts, _ = np.histogram(np.maximum(moments, 0), bins=edges, weights=weights)
    return counts / np.diff(edges)


def _figure(
    clock: _Clock,
    title: str,
    subtitle: str,
    curves: Sequence[Curve],
    unit: str,
    sentence: str,
    table: Markup,
    *,
    is_count: bool = False,
) -> Figure:
    """The figure; two curves of the look ``edge`` are the lower and the upper one of a band."""
    frame = Frame(
        linear(0, clock.duration, _SECONDS, to_the_end=False),
        linear(0, max(float(curve.y.max()) for curve in curves), Unit(unit, 1.0), ticks=4, whole=is_count),
    )
    seen = [curve for curve in curves if curve.look != "edge"]
    edges = [curve for curve in curves if curve.look == "edge"]

    def content(frame: Frame) -> Markup:
        band = step_band(frame, *edges) if edges else None
        drawn = (backdrop(frame, clock.windows), band, step_curves(frame, curves))
        return joined((*drawn, *again_labels(frame, clock.windows)))

    return Figure(
        title=title,
        subtitle=subtitle + described_windows(clock.windows),
        sentence=sentence,
        table=table,
        frame_of=lambda _: frame,
        content=content,
        legend=[(curve.name, curve.look) for curve in seen],
    )


def _by_interval(title: str, names: Sequence[str], edges: Floats, columns: Sequence[Floats]) -> Markup:
    rows = [
        [f"{number(float(start))} to {number(float(end))}", *(number(float(value)) for value in row)]
        for start, end, *row in zip(edges, edges[1:], *columns, strict=False)
    ]
    return data_table(f"{title} by time", ["time, s", *names], rows)
