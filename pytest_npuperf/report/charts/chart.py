"""Charts as SVG: a frame with two axes, step curves in it, and bounds across it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from pytest_npuperf.metrics.requests import Floats
from pytest_npuperf.report.charts.scale import Kind, Scale, quantity
from pytest_npuperf.report.html.markup import Markup, element, joined

__all__ = ["Curve", "Frame", "Mark", "chart", "figure", "level", "marks", "shade", "step_curves"]

_WIDTH, _HEIGHT = 420, 224
_LEFT, _RIGHT, _TOP, _BOTTOM = 50, 12, 10, 24
_COLUMN = 0.5
"""Width of the columns that a curve is thinned to: what lies closer together is drawn as one step."""
_LONGEST_UNIT = 2
"""Letters of a unit that there is room for beside the last tick."""
_LABEL_HEIGHT = 14
_LETTER = 6
"""Width of a letter of a label, on average."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The place of a chart's values: a scale for each axis."""

    x: Scale
    y: Scale

    def x_places(self, values: Floats) -> Floats:
        """Where values of the x axis lie in the picture."""
        return _LEFT + self.x.shares(values) * (_WIDTH - _LEFT - _RIGHT)

    def y_places(self, values: Floats) -> Floats:
        """Where values of the y axis lie in the picture."""
        return _HEIGHT - _BOTTOM - self.y.shares(values) * (_HEIGHT - _TOP - _BOTTOM)

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Where one point lies."""
        return float(self.x_places(np.array([x]))[0]), float(self.y_places(np.array([y]))[0])


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Steps: from each ``x`` on, until the next one, the value is ``y``."""

    name: str
    look: str
    """A class of the style sheet: ``main``, ``second``, ``baseline``."""
    x: Floats
    """Rising."""
    y: Floats
    until: float | None = None
    """To which x the last value holds; None: to the end of the axis."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A bound across a chart, at a value of the x axis."""

    label: str
    look: str
    """``pass``, ``fail`` or ``open``."""
    x: float
    y: float | None
    """Where on the y axis the bound counts, such as 0.99 for P99; None: nowhere in particular."""


def chart(
    label: str,
    frame_of: Callable[[Kind], Frame],
    content: Callable[[Frame], Markup],
    *,
    kinds: Sequence[Kind],
) -> Markup:
    """A picture with the same content on each kind of axis; the page shows one of them."""
    groups = []
    for kind in kinds:
        frame = frame_of(kind)
        groups.append(
            element(
                "g",
                _axes(frame),
                content(frame),
                class_=f"axis-{kind}" if len(kinds) > 1 else None,
                data_x=_described(frame.x),
                data_y=_described(frame.y),
            )
        )
    area = f"{_LEFT} {_TOP} {_WIDTH - _RIGHT} {_HEIGHT - _BOTTOM}"
    return element(
        "svg", *groups, viewBox=f"0 0 {_WIDTH} {_HEIGHT}", role="img", aria_label=label, data_area=area
    )


def figure(
    title: str,
    subtitle: str,
    picture: Markup,
    *,
    sentence: str,
    table: Markup,
    legend: Sequence[tuple[str, str]] = (),
) -> Markup:
    """A chart with what says the same in words: a sentence, and a table that can be unfolded.

    Args:
        title: What is drawn.
        subtitle: Of what, and in which unit.
        picture: As ``chart`` gives it.
        sentence: What the chart says.
        table: Its values.
        legend: Name and look of each curve; not shown for a single one.
    """
    keys = [element("li", name, class_=f"key {look}") for name, look in legend]
    return element(
        "figure",
        element("figcaption", element("h4", title), element("p", subtitle, class_="sub")),
        element("ul", *keys, class_="legend") if len(keys) > 1 else None,
        picture,
        element(
            "div",
            element("p", sentence, class_="sentence"),
            element("p", "", class_="readout", aria_hidden="true"),
            class_="words",
        ),
        element("details", element("summary", f"{title} as a table"), table),
    )


def step_curves(frame: Frame, curves: Iterable[Curve]) -> Markup:
    """The curves as paths of horizontal and vertical lines only, thinned to what can be seen."""
    return joined(
        element("path", class_=f"curve {curve.look}", d=_step_path(frame, curve), data_name=curve.name)
        for curve in curves
        if len(curve.x)
    )


def _step_path(frame: Frame, curve: Curve) -> str:
    columns = np.round(frame.x_places(curve.x) / _COLUMN) * _COLUMN
    places = np.round(frame.y_places(curve.y), 1)
    starts = np.flatnonzero(np.append(True, np.diff(columns) > 0))
    top, bottom = np.minimum.reduceat(places, starts), np.maximum.reduceat(places, starts)
    last = places[np.append(starts[1:], len(places)) - 1]
    height = _HEIGHT - _BOTTOM
    words = [f"M{columns[0]:g} {height}"]
    for x, *levels in zip(
        columns[starts].tolist(), top.tolist(), bottom.tolist(), last.tolist(), strict=True
    ):
        steps = [f"V{level:g}" for level in _levels(height, *levels)]
        words += [f"H{x:g}", *steps] if steps else []
        height = levels[-1]
    end = _WIDTH - _RIGHT if curve.until is None else frame.place(curve.until, 0)[0]
    return "".join([*words, f"H{end:g}"])


def _levels(before: float, top: float, bottom: float, last: float) -> list[float]:
    """The levels that a line from ``before`` to ``last`` has to touch, without those it passes anyway."""
    path = [before]
    for level in (top, bottom, last):
        is_on_the_way = min(before, last) <= level <= max(before, last) and level != last
        if level != path[-1] and not is_on_the_way:
            path.append(level)
    return path[1:]


def shade(frame: Frame, window: tuple[float, float] | None) -> Markup | None:
    """A part of the x axis, tinted; None where there is none."""
    if window is None:
        return None
    start, end = frame.x_places(np.array(window)).tolist()
    height = _HEIGHT - _TOP - _BOTTOM
    return element(
        "rect", class_="window", x=f"{start:.1f}", y=_TOP, width=f"{end - start:.1f}", height=height
    )


def marks(frame: Frame, bounds: Sequence[Mark]) -> Markup:
    """The bounds as lines with their labels one above the other; one beyond the axis is an arrow."""
    return joined(_mark(frame, row, bound) for row, bound in enumerate(bounds))


def level(frame: Frame, label: str, y: float) -> Markup:
    """A bound across a chart, at a value of the y axis; its label has the value."""
    height = round(frame.place(frame.x.low, y)[1], 1)
    return joined(
        (
            element(
                "line",
                class_="bound open",
                x1=_LEFT,
                x2=_WIDTH - _RIGHT,
                y1=f"{height:.1f}",
                y2=f"{height:.1f}",
            ),
            element(
                "text",
                f"{label} {quantity(y, frame.y.unit)}",
                class_="bound open",
                x=_LEFT + 4,
                y=f"{height - 4:.1f}",
            ),
        )
    )


def _mark(frame: Frame, row: int, bound: Mark) -> Markup:
    y = _HEIGHT - _BOTTOM - 8 - row * _LABEL_HEIGHT
    if bound.x > frame.x.high:
        return element(
            "text",
            f"{bound.label} →",
            class_=f"bound {bound.look}",
            x=_WIDTH - _RIGHT - 2,
            y=y,
            text_anchor="end",
        )
    x, height = frame.place(bound.x, bound.y if bound.y is not None else frame.y.low)
    to_the_left = x + 5 + len(bound.label) * _LETTER > _WIDTH - _RIGHT
    return joined(
        (
            element(
                "line",
                class_=f"bound {bound.look}",
                x1=f"{x:.1f}",
                x2=f"{x:.1f}",
                y1=_TOP,
                y2=_HEIGHT - _BOTTOM,
            ),
            element("circle", class_=f"bound {bound.look}", cx=f"{x:.1f}", cy=f"{height:.1f}", r=4)
            if bound.y is not None
            else None,
            element(
                "text",
                bound.label,
                class_=f"bound {bound.look}",
                x=f"{x - 5 if to_the_left else x + 5:.1f}",
                y=y,
                text_anchor="end" if to_the_left else "start",
            ),
        )
    )


def _axes(frame: Frame) -> Markup:
    x_places, y_places = frame.x_places(np.array(frame.x.ticks)), frame.y_places(np.array(frame.y.ticks))
    rows = [
        joined(
            (
                element("line", class_="grid", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=f"{y:.1f}", y2=f"{y:.1f}"),
                element("text", text, class_="tick", x=_LEFT - 6, y=f"{y + 4:.1f}", text_anchor="end"),
            )
        )
        for y, text in zip(y_places.tolist(), frame.y.labels(longest_unit=_LONGEST_UNIT), strict=True)
    ]
    texts = frame.x.labels(longest_unit=_LONGEST_UNIT)
    columns = [
        element(
            "text",
            text,
            class_="tick",
            x=f"{x:.1f}",
            y=_HEIGHT - 8,
            text_anchor="end" if x + len(text) * _LETTER / 2 > _WIDTH else "middle",
        )
        for x, text in zip(x_places.tolist(), texts, strict=True)
    ]
    return joined([*rows, *columns])


def _described(scale: Scale) -> str:
    """For the page's script, which turns places back to values."""
    return f"{scale.kind} {scale.low:.9g} {scale.high:.9g} {scale.unit.size:g} {scale.unit.name}".rstrip()
