"""Searches and sweeps: latency against throughput, a point for each load that was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import dist

from pytest_npuperf.capacity import Exploration, Step
from pytest_npuperf.report.charts.figure import Figure
from pytest_npuperf.report.charts.frame import Frame
from pytest_npuperf.report.charts.labels import Label, Point, best_place, sampled
from pytest_npuperf.report.charts.scale import KINDS, Kind, Unit, linear, number, of_kind, quantity, time_unit
from pytest_npuperf.report.exploration import named_load
from pytest_npuperf.report.html.markup import Markup, element, joined
from pytest_npuperf.report.html.svg import circle, label, line
from pytest_npuperf.report.html.tables import data_table
from pytest_npuperf.slo import Budget

__all__ = ["exploration_figures"]

_CURVES = (
    ("TTFT", "time to first token", (("P50", "ttft_p50"), ("P99", "ttft_p99"))),
    ("TPOT", "time per output token after the first", (("P50", "tpot_p50"), ("P99", "tpot_p99"))),
    ("E2EL", "end-to-end latency", (("P99", "e2el_p99"),)),
)
_LOOKS = {"P50": "second", "P99": "main"}
_TOKEN_RATE = Unit("token/s", 1.0)
_RADIUS, _LARGE = 3.5, 5
_CROWDED = 22
"""Points closer than this are labelled only where they are what is looked for first."""


@dataclass(frozen=True, slots=True)
class _Point:
    step: Step
    throughput: float
    latency: float


def exploration_figures(exploration: Exploration) -> Iterator[Figure]:
    """A figure for each latency that the steps measured."""
    for curve in _CURVES:
        found = _figure(exploration, *curve)
        if found is not None:
            yield found


def _figure(
    exploration: Exploration, name: str, meaning: str, columns: Sequence[tuple[str, str]]
) -> Figure | None:
    curves = {
        percentile: points for percentile, column in columns if (points := _points(exploration, column))
    }
    points = [point for curve in curves.values() for point in curve]
    if not points:
        return None
    latencies = [point.latency for point in points]
    unit = time_unit(max(latencies))
    throughputs = linear(0, max(point.throughput for point in points), _TOKEN_RATE)
    budgets = _budgets(exploration, name.lower())

    def frame_of(kind: Kind) -> Frame:
        return Frame(throughputs, of_kind(kind, min(latencies), max(latencies), unit))

    def content(frame: Frame) -> Markup:
        return joined(_drawn(frame, curves, budgets, exploration.end.found))

    rows = [
        [
            named_load(exploration.axis, point.step.load),
            percentile,
            number(point.throughput),
            quantity(point.latency, unit),
        ]
        for percentile, curve in curves.items()
        for point in curve
    ]
    return Figure(
        title=f"{name} against throughput",
        subtitle="; ".join(
            [f"{meaning}, over output token/s", *_keys(exploration, points), *_bounds_on(budgets, curves)]
        ),
        sentence=_sentence(exploration, curves, unit),
        table=data_table(f"{name} of each load", ["Load", "Percentile", "Output, token/s", name], rows),
        frame_of=frame_of,
        content=content,
        kinds=KINDS,
        legend=[(percentile, _LOOKS[percentile]) for percentile in curves],
    )


def _points(exploration: Exploration, column: str) -> list[_Point]:
    """By load; without steps at which the client was the bottleneck, which say nothing of the server.

    The last measurement stands for a load that was measured again: a search measures it until two agree,
    so the last one agrees with what was found. One that was interrupted stands only where there is no other.
    """
    last: dict[float, _Point] = {}
    for step in exploration.steps:
        latency, throughput = getattr(step, column), step.output_token_throughput
        if latency is None or throughput is None or step.client_bound:
            continue
        if step.ended_early != "stopped" or step.load not in last:
            last[step.load] = _Point(step, throughput, latency)
    return [last[load] for load in sorted(last)]


def _budgets(exploration: Exploration, metric: str) -> list[Budget]:
    """What a search had to keep of that latency."""
    search = exploration.search
    return [] if search is None else [budget for budget in search.budgets if budget.metric == metric]


def _keys(exploration: Exploration, points: Sequence[_Point]) -> Iterator[str]:
    """What the numbers and the looks of the points mean."""
    yield f"numbers: {'clients' if exploration.axis == 'concurrency' else 'requests a second'}"
    if any(point.step.kept is False for point in points):
        yield "hollow: broke a budget"
    if any(point.step.load == exploration.end.found for point in points):
        yield "large: the load that was found"
    measured = [step.load for step in exploration.steps if not step.client_bound]
    if len(set(measured)) < len(measured):
        yield "each load by its last measurement"


def _bounds_on(budgets: Sequence[Budget], curves: Mapping[str, object]) -> Iterator[str]:
    """Which bounds are on something else than what the curves show."""
    names = dict.fromkeys(str(budget.statistic).capitalize() for budget in budgets)
    if without := [name for name in names if name not in curves]:
        yield f"the bound is on {' and on '.join(without)}, which has no curve"


def _drawn(
    frame: Frame, curves: Mapping[str, Sequence[_Point]], budgets: Sequence[Budget], found: float | None
) -> Iterator[Markup]:
    """Lines, dots and labels, the labels last."""
    levels = [budget for budget in budgets if frame.y.low <= budget.bound <= frame.y.high]
    strokes = {
        name: [frame.place(point.throughput, point.latency) for point in points]
        for name, points in curves.items()
    }
    for name, stroke in strokes.items():
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in stroke)
        yield element("path", class_=f"curve {_LOOKS[name]}", d=f"M{path}")
    heights = [frame.place(0, budget.bound)[1] for budget in levels]
    for height in heights:
        yield line("bound open", (frame.area.left, height), (frame.area.right, height))
    for name, stroke in strokes.items():
        for point, place in zip(curves[name], stroke, strict=True):
            look = f"point {_LOOKS[name]}{' broken' if point.step.kept is False else ''}"
            yield circle(look, place, _LARGE if point.step.load == found else _RADIUS)
    yield from _labels(frame, curves, strokes, list(zip(levels, heights, strict=True)), found)


def _labels(
    frame: Frame,
    curves: Mapping[str, Sequence[_Point]],
    strokes: Mapping[str, Sequence[tuple[float, float]]],
    levels: Sequence[tuple[Budget, float]],
    found: float | None,
) -> Iterator[Markup]:
    """The bounds at their lines and the loads at the points of the main curve, none over another."""
    area, taken = frame.area, list[Label]()
    dots = [place for stroke in strokes.values() for place in stroke]
    lines = [place for stroke in strokes.values() for place in sampled(stroke)]
    lines += [place for _, y in levels for place in sampled([(area.left, y), (area.right, y)])]
    for budget, height in levels:
        places = _places_at_line(frame, budget, height)
        best = best_place(places, area, taken=taken, dots=dots, radius=_LARGE, lines=lines)
        if best is not None:
            taken.append(best)
            yield label("bound open", best.text, (best.x, best.base), anchor=best.anchor)
    main = next(name for name in ("P99", "P50") if name in curves)
    placed = dict[int, Label]()
    for index in _labelled(curves[main], strokes[main], found):
        point = strokes[main][index]
        others = [dot for dot in dots if dot != point]
        places = [
            place
            for place in _places_at_point(f"{curves[main][index].step.load:g}", *point)
            if all(place.distance(point) < place.distance(other) for other in others)
        ]
        best = best_place(places, area, taken=taken, dots=dots, radius=_LARGE, lines=(), walls=lines)
        if best is None and curves[main][index].step.load == found:
            best = best_place(places, area, taken=taken, dots=dots, radius=_LARGE, lines=lines)
        if best is not None:
            taken.append(best)
            placed[index] = best
    for _, best in sorted(placed.items()):
        yield label("load", best.text, (best.x, best.base), anchor=best.anchor)


def _labelled(points: Sequence[_Point], stroke: Sequence[Point], found: float | None) -> list[int]:
    """Which points of a curve have their load beside them, those first that are looked for first.

    These are the load that was found, the ends, the peak and the neighbours of what was found; others only
    where they are not crowded.
    """
    last = len(points) - 1
    peak = max(range(len(points)), key=lambda index: points[index].throughput)
    at = next((index for index, point in enumerate(points) if point.step.load == found), None)
    near = [] if at is None else [at, min(at + 1, last), max(at - 1, 0)]
    first = dict.fromkeys([*near[:1], 0, last, peak, *near[1:]])
    free = [
        index
        for index, place in enumerate(stroke)
        if all(dist(place, other) >= _CROWDED for other in (*stroke[:index], *stroke[index + 1 :]))
    ]
    return list(dict.fromkeys([*first, *free]))


def _places_at_line(frame: Frame, budget: Budget, height: float) -> list[Label]:
    text = f"{budget.statistic} {budget.comparison} {quantity(budget.bound, frame.y.unit)}"
    left, right = frame.area.left + 4, frame.area.right - 4
    quarter = (right - left) / 4
    bases = (height - 5, height + 13)
    ends = [
        place
        for base in bases
        for place in (Label(text, left, base, "start"), Label(text, right, base, "end"))
    ]
    between = [Label(text, left + part * quarter, base, "middle") for part in (1, 2, 3) for base in bases]
    return ends + between


def _places_at_point(text: str, x: float, y: float) -> list[Label]:
    return [
        Label(text, x - 7, y - 7, "end"),
        Label(text, x + 7, y - 7, "start"),
        Label(text, x + 7, y + 14, "start"),
        Label(text, x - 7, y + 14, "end"),
        Label(text, x, y - 10, "middle"),
        Label(text, x, y + 18, "middle"),
        Label(text, x - 10, y + 4, "end"),
        Label(text, x + 10, y + 4, "start"),
        Label(text, x - 12, y + 1, "end"),
        Label(text, x + 12, y + 1, "start"),
        Label(text, x - 10, y + 9, "end"),
        Label(text, x + 10, y + 9, "start"),
    ]


def _sentence(exploration: Exploration, curves: Mapping[str, Sequence[_Point]], unit: Unit) -> str:
    percentile = next(name for name in ("P99", "P50") if name in curves)
    points = curves[percentile]
    said = _course(exploration, percentile, points, unit)
    bound = {step.load for step in exploration.steps if step.client_bound}
    if left_out := sorted(bound - {point.step.load for point in points}):
        loads = ", ".join(f"{load:g}" for load in left_out)
        said += f" Not drawn: {exploration.axis} {loads}, where the client was the bottleneck."
    return said


def _course(exploration: Exploration, percentile: str, points: Sequence[_Point], unit: Unit) -> str:
    first, last = points[0], points[-1]
    if len(points) == 1:
        return (
            f"There is one load to draw, {named_load(exploration.axis, first.step.load)}: "
            f"{number(first.throughput)} token/s, {percentile} {quantity(first.latency, unit)}."
        )
    peak = max(points, key=lambda point: point.throughput)
    loads = named_load(exploration.axis, first.step.load, last.step.load)
    highest = f", its peak is {number(peak.throughput)} token/s at {peak.step.load:g}"
    return (
        f"From {loads} the output rate goes from {number(first.throughput)} to "
        f"{number(last.throughput)} token/s{'' if peak is last else highest}; {percentile} goes from "
        f"{quantity(first.latency, unit)} to {quantity(last.latency, unit)}."
    )
