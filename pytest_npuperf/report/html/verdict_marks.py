"""How a verdict looks: its colour, its badge, and its figure drawn against the bound."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, isfinite
from typing import Literal

from pytest_npuperf.report.html.markup import Markup, element
from pytest_npuperf.report.verdict_cells import bound_of
from pytest_npuperf.slo import Verdict
from pytest_npuperf.slo.vocabulary import GOODPUTS, METRICS

__all__ = ["Look", "badge", "verdict_badge", "verdict_look", "verdict_strip"]

Look = Literal["pass", "fail", "open"]
"""A class of the style sheet; ``open`` is what is neither kept nor makes its test fail."""

_SIGNS: dict[Look, str] = {"pass": "✓", "fail": "✕", "open": "!"}
_WIDTH, _HEIGHT, _EDGE = 150, 20, 6
_BOUND_AT = 0.6
"""Where the bound stands on the axis, which so reaches to 1.67 times the bound."""
_ARROW = 5


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

    The axis begins at 0 and the bound always stands at the same place, so that pictures can be compared:
    what lies further off than the axis reaches is an arrow at its end, and so is the side of an interval
    that has no bound. Of a share near 100 % the axis ends there. The picture has the values of the cells
    beside it and no text of its own. None where there is nothing to draw, and where one value alone is good.
    """
    measured, bound = verdict.measured, bound_of(verdict)
    is_one_sided = verdict.budget.comparison != "=="
    if measured is None or bound is None or not isfinite(bound) or not is_one_sided:
        return None
    axis = _axis(verdict, measured, bound)
    line = axis.place(bound)
    good = (0.0, line) if verdict.budget.comparison.startswith("<") else (line, float(_WIDTH))
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
        element("line", class_="axis", x1=_EDGE, x2=_WIDTH - _EDGE, y1=_HEIGHT - 3, y2=_HEIGHT - 3),
        *_interval(verdict, axis),
        element("line", class_="limit", x1=f"{line:.1f}", x2=f"{line:.1f}", y1=1, y2=_HEIGHT - 1),
        _dot(measured, axis),
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        class_=f"strip {verdict_look(verdict)}",
        aria_hidden="true",
    )


@dataclass(frozen=True, slots=True)
class _Axis:
    start: float
    end: float

    def place(self, value: float) -> float:
        """Where a value stands; one beyond an end stands there."""
        inside = min(max(value, self.start), self.end)
        return _EDGE + (inside - self.start) / (self.end - self.start) * (_WIDTH - 2 * _EDGE)

    def beyond(self, value: float | None, otherwise: int = 0) -> int:
        """-1 and 1 where a value lies before and behind the axis, 0 else; ``otherwise`` without a value."""
        if value is None:
            return otherwise
        return (value > self.end) - (value < self.start)


def _axis(verdict: Verdict, measured: float, bound: float) -> _Axis:
    metric = METRICS.get(verdict.budget.metric) or GOODPUTS.get(verdict.budget.metric)
    if metric is not None and metric.is_share and _BOUND_AT < bound < 1:
        return _Axis(1 - (1 - bound) / (1 - _BOUND_AT), 1.0)
    if metric is not None and metric.is_share and bound == 1:
        return _Axis(0.0, 1.0)
    if bound > 0:
        return _Axis(0.0, bound / _BOUND_AT)
    known = [value for value in (measured, verdict.high) if value is not None and 0 < value < inf]
    return _Axis(min(0.0, bound), max(known, default=1.0))


def _interval(verdict: Verdict, axis: _Axis) -> Iterator[Markup]:
    if verdict.low is None and verdict.high is None:
        return
    middle = _HEIGHT / 2
    low = axis.place(axis.start if verdict.low is None else verdict.low)
    high = axis.place(axis.end if verdict.high is None else verdict.high)
    yield element("line", class_="interval", x1=f"{low:.1f}", x2=f"{high:.1f}", y1=middle, y2=middle)
    for side in {axis.beyond(verdict.low, -1), axis.beyond(verdict.high, 1)} - {0}:
        yield _arrow(side, "head")


def _dot(value: float, axis: _Axis) -> Markup:
    side = axis.beyond(value)
    if side:
        return _arrow(side, "dot")
    return element("circle", class_="dot", cx=f"{axis.place(value):.1f}", cy=_HEIGHT / 2, r=4)


def _arrow(side: int, look: str) -> Markup:
    """A triangle at one end of the axis that points outwards."""
    tip = _WIDTH - 1 if side > 0 else 1
    middle = _HEIGHT // 2
    back = tip - side * 8
    return element(
        "path", class_=look, d=f"M{back} {middle - _ARROW}L{tip} {middle}L{back} {middle + _ARROW}Z"
    )
