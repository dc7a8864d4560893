"""Scales: from values to places on an axis, with ticks that are round numbers."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Literal

import numpy as np

from pytest_npuperf.metrics.requests import Floats

__all__ = [
    "KINDS",
    "Kind",
    "Scale",
    "Unit",
    "linear",
    "number",
    "of_kind",
    "quantity",
    "round_step",
    "time_unit",
]

Kind = Literal["linear", "log"]
KINDS: tuple[Kind, ...] = ("linear", "log")

_STEPS = (1, 2, 2.5, 5, 10)
_DECADES = 4
"""A logarithmic axis reaches no further down from its end: what is smaller stands at its edge."""
_FEWEST_TICKS = 3
_MICROSECONDS_BELOW, _SECONDS_FROM = 1e-4, 10.0
_NARROWEST = 0.005
"""Of a linear axis that leaves out 0, as a share of its end: ticks show four digits."""


@dataclass(frozen=True, slots=True)
class Unit:
    """The unit that the ticks of an axis are written in."""

    name: str
    size: float
    """In the unit of the values."""


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis from ``low`` to ``high``, both in the unit of the values."""

    kind: Kind
    low: float
    high: float
    ticks: tuple[float, ...]
    unit: Unit

    def shares(self, values: Floats) -> Floats:
        """Where values lie, from 0 at ``low`` to 1 at ``high``; those outside stand at the edge."""
        inside: Floats = np.clip(values, self.low, self.high)
        if self.kind == "log":
            inside = np.log(inside / self.low) / np.log(self.high / self.low)
            return inside
        return (inside - self.low) / (self.high - self.low)

    def share(self, value: float) -> float:
        """Where one value lies."""
        return float(self.shares(np.array([value]))[0])

    def labels(self, *, longest_unit: int) -> list[str]:
        """The ticks in the axis's unit; the last one names it, where its name is no longer than that."""
        texts = [number(tick / self.unit.size) for tick in self.ticks]
        name = self.unit.name if len(self.unit.name) <= longest_unit else ""
        return [*texts[:-1], f"{texts[-1]} {name}".rstrip()]


def of_kind(kind: Kind, low: float, high: float, unit: Unit) -> Scale:
    """A scale for values between two others, 0 or more; ``low`` may be widened to be a round number."""
    return _logarithmic(low, high, unit) if kind == "log" else linear(low, high, unit)


def linear(
    low: float, high: float, unit: Unit, *, ticks: int = 5, to_the_end: bool = True, whole: bool = False
) -> Scale:
    """From 0, or from a round number below ``low`` where all values lie far from 0.

    It ends at a round number above ``high``, or at ``high`` itself where it is not to go on ``to_the_end``.
    Ticks of a ``whole`` scale, of what is counted, are whole numbers.
    """
    high = high if high > 0 else unit.size
    start = low if low > high / 3 and high - low > _NARROWEST * high else 0.0
    step = round_step((high - start) / ticks or high / ticks)
    if whole and step != floor(step):
        step = round_step(ceil(step))
    first = floor(start / step)
    start = first * step
    last = ceil(high / step * (1 - 1e-9)) if to_the_end else floor(high / step * (1 + 1e-9))
    places = [place * step for place in range(first, last + 1)]
    return Scale("linear", start, places[-1] if to_the_end else high, tuple(places), unit)


def _logarithmic(low: float, high: float, unit: Unit) -> Scale:
    high = high if high > 0 else unit.size
    low = max(min(low, high / 2), high / 10**_DECADES)
    decades = range(floor(log10(low)) - 1, ceil(log10(high)) + 2)
    rounds = [digit * 10.0**decade for decade in decades for digit in (1, 2, 5)]
    start = max(value for value in rounds if value <= low * (1 + 1e-9))
    end = min(value for value in rounds if value >= high * (1 - 1e-9))
    ticks = [value for value in rounds if start <= value <= end]
    if len(ticks) > 2 * _FEWEST_TICKS:
        powers = [value for value in ticks if f"{value:e}".startswith("1")]
        ticks = powers if len(powers) >= _FEWEST_TICKS else ticks[::2]
    return Scale("log", start, end, tuple(ticks), unit)


def time_unit(high: float) -> Unit:
    """The unit to write durations in seconds in: milliseconds, as the tables, unless they are far from them.

    Args:
        high: The longest of them.
    """
    if 0 < high < _MICROSECONDS_BELOW:
        return Unit("µs", 1e-6)
    return Unit("ms", 1e-3) if high < _SECONDS_FROM else Unit("s", 1.0)


def number(value: float) -> str:
    """Four significant digits, never an exponent where a table would not have one: ``12500``, ``0.05``."""
    if value and not 1e-4 <= abs(value) < 1e15:
        return f"{value:.3g}"
    if abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{float(f'{value:.4g}'):.10f}".rstrip("0").rstrip(".")


def quantity(value: float | None, unit: Unit) -> str:
    """A value and its unit: ``49.82 ms``; ``-`` where there is none."""
    if value is None:
        return "-"
    if np.isinf(value):
        return "infinite"
    return f"{number(value / unit.size)} {unit.name}".rstrip()


def round_step(rough: float) -> float:
    """The smallest of 1, 2, 2.5 and 5 by a power of ten that is no smaller than ``rough``, above 0."""
    decade = 10.0 ** floor(log10(rough))
    return next(step * decade for step in _STEPS if step * decade >= rough * (1 - 1e-9))
