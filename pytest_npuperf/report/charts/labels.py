"""Places for labels, where they cover no other label and as little of what is drawn as can be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import hypot
from typing import Literal

import numpy as np

from pytest_npuperf.report.charts.frame import LETTER, Area

__all__ = ["Label", "Point", "best_place", "sampled"]

_ASCENT, _DESCENT = 10, 3
_CLOSE = 3
"""A label that comes so close to a line is hard to read too."""
_SAMPLE = 4
"""Distance of the places at which a label is checked against a line."""

Point = tuple[float, float]
"""x and y in the picture."""


@dataclass(frozen=True, slots=True)
class Label:
    """A text whose base line begins, is centred or ends at ``x``."""

    text: str
    x: float
    base: float
    anchor: Literal["start", "middle", "end"]

    @property
    def left(self) -> float:
        """Where it begins."""
        return self.x - self.width * {"start": 0, "middle": 0.5, "end": 1}[self.anchor]

    @property
    def width(self) -> float:
        """From its first letter to its last."""
        return len(self.text) * LETTER

    @property
    def top(self) -> float:
        """Of its highest letters."""
        return self.base - _ASCENT

    @property
    def bottom(self) -> float:
        """Of its lowest letters."""
        return self.base + _DESCENT

    def is_across(self, x: float) -> bool:
        """Whether an upright line would strike it through."""
        return self.left <= x <= self.left + self.width

    def is_within(self, area: Area) -> bool:
        """Whether it reaches over no edge; it may stand above the upper one by half its height."""
        is_beside = self.left < area.left or self.left + self.width > area.right
        return not is_beside and area.top < self.base < area.bottom - _DESCENT

    def meets(self, other: Label) -> bool:
        """Whether the two would overlap, or have less than a letter between them on a line."""
        ends = self.left + self.width, other.left + other.width
        is_beside = ends[0] + LETTER <= other.left or ends[1] + LETTER <= self.left
        return not is_beside and abs(self.base - other.base) < _ASCENT + _DESCENT

    def distance(self, point: Point) -> float:
        """From its nearest edge to a point; 0 within it."""
        x, y = point
        beside = max(self.left - x, 0, x - self.left - self.width)
        above = max(self.top - y, 0, y - self.bottom)
        return hypot(beside, above)

    def covers(self, points: Iterable[Point], margin: float = 0) -> int:
        """How many of these points it would lie on, or come closer to than ``margin``."""
        x, y = np.array([*points]).reshape(-1, 2).T
        is_across = (x >= self.left - margin) & (x <= self.left + self.width + margin)
        is_along = (y >= self.top - margin) & (y <= self.bottom + margin)
        return int((is_across & is_along).sum())


def best_place(
    places: Iterable[Label],
    area: Area,
    *,
    taken: Sequence[Label],
    dots: Sequence[Point],
    radius: float,
    lines: Sequence[Point],
    walls: Sequence[Point] = (),
    gap: float = 0,
) -> Label | None:
    """The place that covers no other label, no dot and no wall, and least of the lines; None without one.

    Args:
        places: The first ones are the better.
        area: What a label stays within.
        taken: Labels that have their place.
        dots: Their centres.
        radius: That of a dot.
        lines: Places along them, see ``sampled``.
        walls: Places along lines that a label must not cover.
        gap: How far from a wall it stays.
    """
    clear = [
        place
        for place in places
        if place.is_within(area)
        and not any(place.meets(other) for other in taken)
        and not place.covers(dots, radius)
        and not place.covers(walls, gap)
    ]
    return min(clear, key=lambda place: place.covers(lines, _CLOSE), default=None)


def sampled(stroke: Sequence[Point]) -> list[Point]:
    """Places along a line from point to point, close enough for a label to be checked against."""
    places = list(stroke)
    for (x1, y1), (x2, y2) in pairwise(stroke):
        count = int(max(abs(x2 - x1), abs(y2 - y1)) / _SAMPLE) + 1
        xs, ys = np.linspace(x1, x2, count).tolist(), np.linspace(y1, y2, count).tolist()
        places += zip(xs, ys, strict=True)
    return places
