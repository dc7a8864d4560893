"""Elements of SVG that charts are drawn of; points are x and y in the units of the picture."""

from __future__ import annotations

from typing import Literal

from pytest_npuperf.report.html.markup import Markup, element

__all__ = ["circle", "label", "line"]

_Point = tuple[float, float]


def line(look: str, start: _Point, end: _Point) -> Markup:
    """A straight line; ``look`` is its classes of the style sheet."""
    (x1, y1), (x2, y2) = start, end
    return element("line", class_=look, x1=_place(x1), x2=_place(x2), y1=_place(y1), y2=_place(y2))


def label(look: str, text: str, at: _Point, *, anchor: Literal["start", "middle", "end"] = "start") -> Markup:
    """A text whose base line begins, is centred or ends at a point."""
    x, y = at
    return element("text", text, class_=look, x=_place(x), y=_place(y), text_anchor=anchor)


def circle(look: str, at: _Point, radius: float) -> Markup:
    """A circle around a point."""
    x, y = at
    return element("circle", class_=look, cx=_place(x), cy=_place(y), r=f"{radius:g}")


def _place(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
