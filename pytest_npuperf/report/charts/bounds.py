"""Bounds drawn into a chart: lines across it with their labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pytest_npuperf.report.charts.frame import Area, Frame
from pytest_npuperf.report.charts.labels import Label, Point, best_place, sampled
from pytest_npuperf.report.html.markup import Markup, joined
from pytest_npuperf.report.html.svg import circle, label, line

__all__ = ["Mark", "marks"]

_LABEL_HEIGHT = 14
_RADIUS = 4
_ASIDE = 5
"""Distance of a label from its line."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A bound across a chart, at a value of the x axis."""

    label: str
    look: str
    """``pass``, ``fail`` or ``open``."""
    x: float
    y: float | None
    """Where on the y axis the bound counts, such as 0.99 for P99; None: nowhere in particular."""


def marks(frame: Frame, bounds: Sequence[Mark], lines: Iterable[Point] = ()) -> Markup:
    """The bounds as lines, and their labels over them; one beyond the axis is an arrow at its edge.

    Args:
        frame: Of the chart.
        bounds: In the order in which labels find their places.
        lines: Places along the curves, which labels cover as little of as can be.
    """
    inside = [bound for bound in bounds if frame.x.low <= bound.x <= frame.x.high]
    return joined([*(_line(frame, bound) for bound in inside), *_labels(frame, bounds, inside, lines)])


def _line(frame: Frame, bound: Mark) -> Markup:
    area, look = frame.area, f"bound {bound.look}"
    x, height = frame.place(bound.x, bound.y if bound.y is not None else frame.y.low)
    ring = circle(look, (x, height), _RADIUS) if bound.y is not None else None
    return joined((line(look, (x, area.top), (x, area.bottom)), ring))


def _labels(
    frame: Frame, bounds: Iterable[Mark], inside: Iterable[Mark], lines: Iterable[Point]
) -> Iterator[Markup]:
    area, taken = frame.area, list[Label]()
    rings = [frame.place(bound.x, bound.y) for bound in inside if bound.y is not None]
    strokes = list(lines)
    for bound in inside:
        x, _ = frame.place(bound.x, 0)
        strokes += sampled([(x, area.top), (x, area.bottom)])
    for bound in bounds:
        places = _places(frame, bound)
        best = best_place(places, area, taken=taken, dots=rings, radius=_RADIUS, lines=strokes) or places[0]
        taken.append(best)
        yield label(f"bound {bound.look}", best.text, (best.x, best.base), anchor=best.anchor)


def _places(frame: Frame, bound: Mark) -> list[Label]:
    """Beside its line or at the edge that it lies beyond, from the bottom up."""
    area, bases = frame.area, list(_bases(frame.area))
    if bound.x < frame.x.low:
        return [Label(f"← {bound.label}", area.left + 2, base, "start") for base in bases]
    if bound.x > frame.x.high:
        return [Label(f"{bound.label} →", area.right - 2, base, "end") for base in bases]
    x, _ = frame.place(bound.x, frame.y.low)
    right = [Label(bound.label, x + _ASIDE, base, "start") for base in bases]
    left = [Label(bound.label, x - _ASIDE, base, "end") for base in bases]
    return [place for pair in zip(right, left, strict=True) for place in pair]


def _bases(area: Area) -> Iterator[float]:
    base = area.bottom - 8
    while base > area.top + _LABEL_HEIGHT / 2:
        yield base
        base -= _LABEL_HEIGHT
