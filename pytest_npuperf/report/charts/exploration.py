"""Searches and sweeps: latency against throughput, a point for each load that was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_npuperf.capacity import Exploration, Step
from pytest_npuperf.report.charts.bounds import level
from pytest_npuperf.report.charts.figure import Figure
from pytest_npuperf.report.charts.frame import Frame
from pytest_npuperf.report.charts.scale import KINDS, Kind, Unit, linear, number, of_kind, quantity, time_unit
from pytest_npuperf.report.html.markup import Markup, element, joined
from pytest_npuperf.report.html.svg import circle, label
from pytest_npuperf.report.html.tables import data_table

__all__ = ["exploration_figures"]

_CURVES = (
    ("TTFT", "time to first token", (("P50", "ttft_p50"), ("P99", "ttft_p99"))),
    ("TPOT", "time per output token after the first", (("P50", "tpot_p50"), ("P99", "tpot_p99"))),
    ("E2EL", "end-to-end latency", (("P99", "e2el_p99"),)),
)
_LOOKS = {"P50": "second", "P99": "main"}
_TOKEN_RATE = Unit("token/s", 1.0)


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
    curves = {label: _points(exploration, column) for label, column in columns}
    points = [point for curve in curves.values() for point in curve]
    if not points:
        return None
    latencies = [point.latency for point in points]
    unit = time_unit(max(latencies))
    throughputs = linear(0, max(point.throughput for point in points), _TOKEN_RATE)

    def frame_of(kind: Kind) -> Frame:
        return Frame(throughputs, of_kind(kind, min(latencies), max(latencies), unit))

    def content(frame: Frame) -> Markup:
        drawn = (_curve(frame, curve, _LOOKS[label], exploration) for label, curve in curves.items())
        return joined((*_bounds(frame, exploration, name.lower()), *drawn))

    rows = [
        [
            f"{exploration.axis} {point.step.load:g}",
            label,
            number(point.throughput),
            quantity(point.latency, unit),
        ]
        for label, curve in curves.items()
        for point in curve
    ]
    return Figure(
        title=f"{name} against throughput",
        subtitle=f"{meaning}, over output token/s; the numbers are {_loads(exploration)}",
        sentence=_sentence(exploration, curves["P99"] or points, unit),
        table=data_table(f"{name} of each load", ["Load", "Percentile", "Output, token/s", name], rows),
        frame_of=frame_of,
        content=content,
        kinds=KINDS,
        legend=[(label, _LOOKS[label]) for label, curve in curves.items() if curve],
    )


def _loads(exploration: Exploration) -> str:
    return "clients" if exploration.axis == "concurrency" else "requests a second"


def _points(exploration: Exploration, column: str) -> list[_Point]:
    """By load; without steps at which the client was the bottleneck, which say nothing of the server."""
    points = [
        _Point(step, step.output_token_throughput, latency)
        for step in exploration.steps
        if not step.client_bound
        and step.output_token_throughput is not None
        and (latency := getattr(step, column)) is not None
    ]
    return sorted(points, key=lambda point: point.step.load)


def _curve(frame: Frame, points: Sequence[_Point], look: str, exploration: Exploration) -> Markup:
    places = [frame.place(point.throughput, point.latency) for point in points]
    line = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    dots = [
        circle(
            f"point {look}{' broken' if point.step.kept is False else ''}",
            place,
            5 if point.step.load == exploration.end.found else 3.5,
        )
        for point, place in zip(points, places, strict=True)
    ]
    labels = _labels(points, places) if look == "main" else []
    return joined([element("path", class_=f"curve {look}", d=f"M{line}") if line else None, *dots, *labels])


def _bounds(frame: Frame, exploration: Exploration, metric: str) -> Iterator[Markup]:
    """What a search had to keep, as lines across; those beyond the axis are left to the text above."""
    for budget in exploration.search.budgets if exploration.search is not None else ():
        if budget.metric == metric and frame.y.low <= budget.bound <= frame.y.high:
            yield level(frame, f"{budget.statistic} {budget.comparison}", budget.bound)


def _labels(points: Sequence[_Point], places: Sequence[tuple[float, float]]) -> Iterator[Markup]:
    """The loads beside their points, as far as they do not cover each other."""
    taken: list[tuple[float, float]] = []
    for point, (x, y) in zip(points, places, strict=True):
        if all(abs(x - other_x) > 22 or abs(y - other_y) > 12 for other_x, other_y in taken):
            taken.append((x, y))
            yield label("load", f"{point.step.load:g}", (x - 7, y - 7))


def _sentence(exploration: Exploration, points: Sequence[_Point], unit: Unit) -> str:
    first, last = points[0], points[-1]
    return (
        f"From {exploration.axis} {first.step.load:g} to {last.step.load:g} the output rate goes from "
        f"{number(first.throughput)} to {number(last.throughput)} token/s and the latency from "
        f"{quantity(first.latency, unit)} to {quantity(last.latency, unit)}."
    )
