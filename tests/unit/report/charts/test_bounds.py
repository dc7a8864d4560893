from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_npuperf.report.charts.bounds import Mark, level, marks
from pytest_npuperf.report.charts.frame import Frame
from pytest_npuperf.report.charts.scale import Unit, linear

S, SHARE = Unit("s", 1.0), Unit("%", 0.01)


def frame(high: float = 10) -> Frame:
    return Frame(linear(0, high, S), linear(0, 1, SHARE))


def test_a_bound_is_a_line_with_its_place_and_label(read_html: Callable[..., list]) -> None:  # type: ignore[type-arg]
    tags = read_html(marks(frame(), [Mark("p99 < 5 s", "fail", 5, 0.9)]))
    line, circle, text = tags
    x, y = frame().place(5, 0.9)
    assert float(line.attributes["x1"]) == float(line.attributes["x2"]) == pytest.approx(x, abs=0.1)
    assert float(circle.attributes["cy"]) == pytest.approx(y, abs=0.1)
    assert (text.text, text.attributes["class"]) == ("p99 < 5 s", "bound fail")


def test_a_bound_beyond_the_axis_is_an_arrow(read_html: Callable[..., list]) -> None:  # type: ignore[type-arg]
    (text,) = read_html(marks(frame(), [Mark("p99 < 50 s", "pass", 50, 0.99)]))
    assert (text.name, text.text) == ("text", "p99 < 50 s →")


def test_a_level_has_its_value_in_the_unit_of_the_axis(read_html: Callable[..., list]) -> None:  # type: ignore[type-arg]
    line, text = read_html(level(frame(), "p99 <", 0.5))
    _, y = frame().place(0, 0.5)
    assert float(line.attributes["y1"]) == float(line.attributes["y2"]) == pytest.approx(y, abs=0.1)
    assert text.text == "p99 < 50 %"
