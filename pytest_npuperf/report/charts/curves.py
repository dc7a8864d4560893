"""Step curves, thinned to what can be seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from pytest_npuperf.metrics.requests import Floats
from pytest_npuperf.report.charts.frame import Frame
from pytest_npuperf.report.charts.labels import Point, sampled
from pytest_npuperf.report.html.markup import Markup, element, joined

__all__ = ["Curve", "places_along", "step_band", "step_curves", "step_path"]

_FAR = 4
"""Distance of the columns in which a label is checked against a curve."""
_COLUMN = 0.5
"""Width of the columns that a curve is thinned to: what lies closer together is drawn as one step."""


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


def step_curves(frame: Frame, curves: Iterable[Curve]) -> Markup:
    """The curves as paths of horizontal and vertical lines only."""
    return joined(
        element("path", class_=f"curve {curve.look}", d=step_path(frame, curve), data_name=curve.name)
        for curve in curves
        if len(curve.x)
    )


def step_path(frame: Frame, curve: Curve) -> str:
    """One curve, from the lower edge on, as the data of a path."""
    columns = np.round(frame.x_places(curve.x) / _COLUMN) * _COLUMN
    places = np.round(frame.y_places(curve.y), 1)
    starts = np.flatnonzero(np.append(True, np.diff(columns) > 0))
    top, bottom = np.minimum.reduceat(places, starts), np.maximum.reduceat(places, starts)
    last = places[np.append(starts[1:], len(places)) - 1]
    height = frame.area.bottom
    words = [f"M{columns[0]:g} {height:g}"]
    for x, *levels in zip(
        columns[starts].tolist(), top.tolist(), bottom.tolist(), last.tolist(), strict=True
    ):
        steps = [f"V{level:g}" for level in _levels(height, *levels)]
        words += [f"H{x:g}", *steps] if steps else []
        height = levels[-1]
    end = frame.area.right if curve.until is None else frame.place(curve.until, 0)[0]
    return "".join([*words, f"H{end:g}"])


def places_along(frame: Frame, curve: Curve) -> list[Point]:
    """Places along a curve, close enough for a label to be checked against it."""
    columns = np.arange(frame.area.left, frame.area.right, _FAR)
    steps = np.searchsorted(frame.x_places(curve.x), columns, side="right") - 1
    heights = np.where(steps < 0, frame.area.bottom, frame.y_places(curve.y)[np.maximum(steps, 0)])
    return sampled(list(zip(columns.tolist(), heights.tolist(), strict=True)))


def step_band(frame: Frame, low: Curve, high: Curve) -> Markup:
    """The area between two curves that step at the same values of x."""
    x = [f"{place:.1f}" for place in frame.x_places(low.x).tolist()]
    bottoms, tops = ([f"{place:.1f}" for place in frame.y_places(curve.y).tolist()] for curve in (low, high))
    end = frame.area.right if low.until is None else frame.place(low.until, 0)[0]
    there = "".join(f"H{place}V{top}" for place, top in zip(x[1:], tops[1:], strict=True))
    back = "".join(f"H{place}V{bottom}" for place, bottom in zip(x[:0:-1], bottoms[-2::-1], strict=True))
    outline = f"M{x[0]} {tops[0]}{there}H{end:.1f}V{bottoms[-1]}{back}H{x[0]}z"
    return element("path", class_="band", d=outline)


def _levels(before: float, top: float, bottom: float, last: float) -> list[float]:
    """The levels that a line from ``before`` to ``last`` has to touch, without those it passes anyway."""
    path = [before]
    for level in (top, bottom, last):
        is_on_the_way = min(before, last) <= level <= max(before, last) and level != last
        if level != path[-1] and not is_on_the_way:
            path.append(level)
    return path[1:]
