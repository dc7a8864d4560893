from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import pytest

from pytest_npuperf.report.charts.bounds import Mark, marks
from pytest_npuperf.report.charts.frame import Frame
from pytest_npuperf.report.charts.labels import Label
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


def test_a_bound_left_of_the_axis_is_an_arrow_and_neither_line_nor_ring(
    read_html: Callable[..., list],  # type: ignore[type-arg]
) -> None:
    begins_at_11 = Frame(linear(11, 15, S), linear(0, 1, SHARE))
    (text,) = read_html(marks(begins_at_11, [Mark("p99 < 5 s", "fail", 5, 0.99)]))
    assert (text.name, text.text) == ("text", "← p99 < 5 s")
    assert float(text.attributes["x"]) == begins_at_11.area.left + 2


def test_labels_cover_no_other_label_and_no_curve_where_there_is_room(
    read_html: Callable[..., list],  # type: ignore[type-arg]
) -> None:
    area = frame().area
    along_the_bottom = [(x, area.bottom - 8) for x in range(int(area.left), int(area.right), 4)]
    bounds = [Mark(f"p9{digit} < 5 s", "pass", 5 + digit / 10, None) for digit in range(3)]
    labels = [
        Label(tag.text, float(tag.attributes["x"]), float(tag.attributes["y"]), tag.attributes["text-anchor"])
        for tag in read_html(marks(frame(), bounds, along_the_bottom))
        if tag.name == "text"
    ]
    assert len(labels) == 3
    assert not any(label.covers(along_the_bottom) for label in labels)
    assert not any(one.meets(other) for one, other in combinations(labels, 2))
