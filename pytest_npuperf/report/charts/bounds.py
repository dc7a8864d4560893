"""Bounds drawn into a chart: lines across it with their labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_npuperf.report.charts.frame import LETTER, Frame
from pytest_npuperf.report.charts.scale import quantity
from pytest_npuperf.report.html.markup import Markup, joined
from pytest_npuperf.report.html.svg import circle, label, line

__all__ = ["Mark", "level", "marks"]

_LABEL_HEIGHT = 14


@dataclass(frozen=True, slots=True)
class Mark:
    """A bound across a chart, at a value of the x axis."""

    label: str
    look: str
    """``pass``, ``fail`` or ``open``."""
    x: float
    y: float | None
    """Where on the y axis the bound counts, such as 0.99 for P99; None: nowhere in particular."""


def marks(frame: Frame, bounds: Sequence[Mark]) -> Markup:
    """The bounds as lines with their labels one above the other; one beyond the axis is an arrow."""
    return joined(_mark(frame, row, bound) for row, bound in enumerate(bounds))


def level(frame: Frame, text: str, y: float) -> Markup:
    """A bound across a chart, at a value of the y axis; its label has the value."""
    area, (_, height) = frame.area, frame.place(frame.x.low, y)
    words = f"{text} {quantity(y, frame.y.unit)}"
    return joined(
        (
            line("bound open", (area.left, height), (area.right, height)),
            label("bound open", words, (area.left + 4, height - 4)),
        )
    )


def _mark(frame: Frame, row: int, bound: Mark) -> Markup:
    area, look = frame.area, f"bound {bound.look}"
    base = area.bottom - 8 - row * _LABEL_HEIGHT
    if bound.x > frame.x.high:
        return label(look, f"{bound.label} →", (area.right - 2, base), anchor="end")
    x, height = frame.place(bound.x, bound.y if bound.y is not None else frame.y.low)
    to_the_left = x + 5 + len(bound.label) * LETTER > area.right
    text = (
        label(look, bound.label, (x - 5, base), anchor="end")
        if to_the_left
        else label(look, bound.label, (x + 5, base))
    )
    ring = circle(look, (x, height), 4) if bound.y is not None else None
    return joined((line(look, (x, area.top), (x, area.bottom)), ring, text))
