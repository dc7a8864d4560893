"""Bounds drawn into a chart: lines across it with their labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pytest_npuperf.report.charts.frame import LETTER, Area, Frame
from pytest_npuperf.report.charts.labels import Label, Point, best_place, sampled
from pytest_npuperf.report.html.markup import Markup, joined
from pytest_npuperf.report.html.svg import circle, label, line

__all__ = ["Mark", "marks"]

_LABEL_HEIGHT = 14
_RADIUS = 4
_ASIDE = 5
"""Distance of a label from its line."""
_GAPS = (LETTER, 4)
"""Of a label from the lines of other bounds: the first one that there is room for."""
_FARTHEST = 10 * LETTER
"""A label is no further from its line, on the far side of other lines."""


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
    """The bounds as lines, and their labels; one beyond the axis is an arrow at its edge.

    Where a label has no place beside the lines of others, they are broken for it.

    Args:
        frame: Of the chart.
        bounds: In the order in which labels find their places.
        lines: Places along the curves, which labels cover as little of as can be.
    """
    inside = [bound for bound in bounds if frame.x.low <= bound.x <= frame.x.high]
    labels = list(_labels(frame, bounds, inside, lines))
    texts = [
        label(f"bound {bound.look}", placed.text, (placed.x, placed.base), anchor=placed.anchor)
        for bound, placed in zip(bounds, labels, strict=True)
    ]
    return joined([*(_line(frame, bound, labels) for bound in inside), *texts])


def _line(frame: Frame, bound: Mark, labels: Sequence[Label]) -> Markup:
    area, look = frame.area, f"bound {bound.look}"
    x, height = frame.place(bound.x, bound.y if bound.y is not None else frame.y.low)
    ring = circle(look, (x, height), _RADIUS) if bound.y is not None else None
    across = sorted((placed.top, placed.bottom) for placed in labels if placed.is_across(x))
    ends = [area.top, *(end for pair in across for end in pair), area.bottom]
    parts = [
        line(look, (x, start), (x, end))
        for start, end in zip(ends[::2], ends[1::2], strict=True)
        if start < end
    ]
    return joined((*parts, ring))


def _labels(
    frame: Frame, bounds: Iterable[Mark], inside: Sequence[Mark], lines: Iterable[Point]
) -> Iterator[Label]:
    """That of each bound."""
    taken: list[Label] = []
    rings = [frame.place(bound.x, bound.y) for bound in inside if bound.y is not None]
    curves = list(lines)
    strokes = [frame.place(bound.x, 0)[0] for bound in inside]
    for bound in bounds:
        best = _best(frame, bound, strokes, taken, rings, curves)
        taken.append(best)
        yield best


def _best(
    frame: Frame,
    bound: Mark,
    strokes: Iterable[float],
    taken: Sequence[Label],
    rings: Sequence[Point],
    curves: Sequence[Point],
) -> Label:
    """The best place of a label, clear of the lines of other bounds where there is one."""
    area = frame.area
    own, _ = frame.place(bound.x, 0)
    others = sorted((x for x in strokes if abs(x - own) >= 1), key=lambda x: abs(x - own))
    mine, walls = _upright(area, [own]), _upright(area, others)
    beside = _places(frame, bound)
    beyond = [place for x in others if abs(x - own) < _FARTHEST for place in _beside(area, bound.label, x)]
    tries = [*((beside, walls, gap) for gap in _GAPS), (beyond, walls + mine, _GAPS[-1])]
    for places, kept_off, gap in tries:
        found = best_place(
            places, area, taken=taken, dots=rings, radius=_RADIUS, lines=curves, walls=kept_off, gap=gap
        )
        if found is not None:
            return found
    crossed = best_place(beside, area, taken=taken, dots=rings, radius=_RADIUS, lines=[*curves, *walls])
    return crossed or beside[0]


def _upright(area: Area, strokes: Iterable[float]) -> list[Point]:
    """Places along lines from the top to the bottom."""
    return [place for x in strokes for place in sampled([(x, area.top), (x, area.bottom)])]


def _places(frame: Frame, bound: Mark) -> list[Label]:
    """Beside its line or at the edge that it lies beyond, from the bottom up."""
    area, bases = frame.area, list(_bases(frame.area))
    if bound.x < frame.x.low:
        return [Label(f"← {bound.label}", area.left + 2, base, "start") for base in bases]
    if bound.x > frame.x.high:
        return [Label(f"{bound.label} →", area.right - 2, base, "end") for base in bases]
    x, _ = frame.place(bound.x, frame.y.low)
    return _beside(area, bound.label, x)


def _beside(area: Area, text: str, x: float) -> list[Label]:
    """Right and left of a line, from the bottom up."""
    return [
        place
        for base in _bases(area)
        for place in (Label(text, x + _ASIDE, base, "start"), Label(text, x - _ASIDE, base, "end"))
    ]


def _bases(area: Area) -> Iterator[float]:
    base = area.bottom - 8
    while base > area.top + _LABEL_HEIGHT / 2:
        yield base
        base -= _LABEL_HEIGHT
