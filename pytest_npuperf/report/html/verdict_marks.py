"""How a verdict looks: its colour, its badge, and its figure drawn against the bound."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from typing import Literal

from pytest_npuperf.report.html.markup import Markup, element
from pytest_npuperf.report.verdict_cells import bound_of
from pytest_npuperf.slo import Verdict

__all__ = ["Look", "badge", "verdict_badge", "verdict_look", "verdict_strip"]

Look = Literal["pass", "fail", "open"]
"""A class of the style sheet; ``open`` is what is neither kept nor makes its test fail."""

_SIGNS: dict[Look, str] = {"pass": "✓", "fail": "✕", "open": "!"}
_WIDTH, _HEIGHT, _EDGE = 150, 20, 6
_PADDING = 0.12
"""Room on either side of what is drawn, as a share of it."""


def verdict_look(verdict: Verdict) -> Look:
    """By what becomes of the test."""
    looks: dict[str, Look] = {"pass": "pass", "fail": "fail"}
    return looks.get(verdict.consequence, "open")


def badge(text: str, look: Look) -> Markup:
    """A word with a sign before it, so that its colour is not all that tells it apart."""
    sign = element("span", _SIGNS[look], aria_hidden="true", class_="sign")
    return element("span", sign, text, class_=f"badge {look}")


def verdict_badge(verdict: Verdict) -> Markup:
    """The outcome and what qualifies it."""
    marks = [element("span", mark, class_="mark") for mark in _qualities(verdict)]
    return element("span", badge(verdict.outcome, verdict_look(verdict)), *marks, class_="outcome")


def _qualities(verdict: Verdict) -> Iterator[str]:
    if verdict.close:
        yield "close"
    if verdict.budget.advisory:
        yield "advisory"
    if verdict.needed_n is not None:
        yield "unsupported"


def verdict_strip(verdict: Verdict) -> Markup | None:
    """The figure as a dot and its interval as a bar, against the bound as a line; the good side is tinted.

    It has the values of the cells beside it and no text of its own. None where there is nothing to draw, and
    where one value alone is good.
    """
    measured, bound = verdict.measured, bound_of(verdict)
    is_one_sided = verdict.budget.comparison != "=="
    if measured is None or bound is None or not isfinite(bound) or not is_one_sided:
        return None
    known = [value for value in (measured, bound, verdict.low, verdict.high) if value is not None]
    finite = [value for value in known if isfinite(value)]
    low, high = min(finite), max(finite)
    room = (high - low or abs(high) or 1) * _PADDING
    low, high = low - room, high + room

    def place(value: float | None, otherwise: float) -> float:
        value = otherwise if value is None else min(max(value, low), high)
        return _EDGE + (value - low) / (high - low) * (_WIDTH - 2 * _EDGE)

    line, middle = place(bound, bound), _HEIGHT / 2
    good = (0.0, line) if verdict.budget.comparison.startswith("<") else (line, float(_WIDTH))
    ends = (place(verdict.low, low), place(verdict.high, high))
    has_interval = verdict.low is not None or verdict.high is not None
    return element(
        "svg",
        element(
            "rect",
            class_="good",
            x=f"{good[0]:.1f}",
            width=f"{good[1] - good[0]:.1f}",
            y=3,
            height=_HEIGHT - 6,
        ),
        element("line", class_="interval", x1=f"{ends[0]:.1f}", x2=f"{ends[1]:.1f}", y1=middle, y2=middle)
        if has_interval
        else None,
        element("line", class_="limit", x1=f"{line:.1f}", x2=f"{line:.1f}", y1=1, y2=_HEIGHT - 1),
        element("circle", class_="dot", cx=f"{place(measured, measured):.1f}", cy=middle, r=4),
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        class_=f"strip {verdict_look(verdict)}",
        aria_hidden="true",
    )
