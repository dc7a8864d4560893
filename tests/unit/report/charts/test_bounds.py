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


def drawn(tags: list) -> tuple[list[Label], list[tuple[float, float, float]]]:  # type: ignore[type-arg]
    """The labels, and of each stroke its x and from where to where it goes."""
    labels = [
        Label(tag.text, float(tag.attributes["x"]), float(tag.attributes["y"]), tag.attributes["text-anchor"])
        for tag in tags
        if tag.name == "text"
    ]
    strokes = [
        tuple(float(tag.attributes[name]) for name in ("x1", "y1", "y2"))
        for tag in tags
        if tag.name == "line"
    ]
    return labels, strokes  # type: ignore[return-value]


def strikes(label: Label, stroke: tuple[float, float, float]) -> bool:
    x, top, bottom = stroke
    return label.is_across(x) and top < label.bottom and bottom > label.top


@pytest.mark.parametrize("places", [(2, 5, 8), (5, 5.1, 5.2), (4, 5, 6), (7, 8, 9.5), (0.1, 5, 9.9)])
def test_no_label_is_struck_through_or_touches_another(
    read_html: Callable[..., list],  # type: ignore[type-arg]
    places: tuple[float, ...],
) -> None:
    names = ("p50 <= 61.44 ms", "p99 <= 122.5 ms", "p90 < 100 ms")
    bounds = [Mark(name, "pass", x, None) for name, x in zip(names, places, strict=True)]
    labels, strokes = drawn(read_html(marks(frame(), bounds)))
    assert [label.text for label in labels] == list(names)
    assert not any(strikes(label, stroke) for label in labels for stroke in strokes)
    assert not any(one.meets(other) for one, other in combinations(labels, 2))


def test_a_line_is_broken_only_where_a_label_has_no_other_place(
    read_html: Callable[..., list],  # type: ignore[type-arg]
) -> None:
    roomy = [Mark("p50 < 5 s", "pass", 3, None), Mark("p99 < 8 s", "pass", 7, None)]
    _, strokes = drawn(read_html(marks(frame(), roomy)))
    assert len(strokes) == 2
    long = "p99 <= 122.5 ms of all requests of turn 2"
    wide = [Mark(long, "pass", 9, None), Mark("p50 < 5 s", "pass", 5, None)]
    (label, _), strokes = drawn(read_html(marks(frame(), wide)))
    middle, _ = frame().place(5, 0)
    assert label.is_across(middle)
    assert len([x for x, *_ in strokes if abs(x - middle) < 1]) == 2


def test_a_label_lies_on_a_curve_before_it_lies_on_the_line_of_another(
    read_html: Callable[..., list],  # type: ignore[type-arg]
) -> None:
    area, (first, _) = frame().area, frame().place(5, 0)
    curves = [
        (float(x), float(y))
        for x in range(int(area.left), int(first))
        for y in range(int(area.top), int(area.bottom))
    ]
    bounds = [Mark("p50 < 5 s", "pass", 5, None), Mark("p99 < 6 s", "pass", 6, None)]
    (left, right), strokes = drawn(read_html(marks(frame(), bounds, curves)))
    assert (left.anchor, right.anchor) == ("end", "start")
    assert len(strokes) == 2


def test_a_label_beyond_the_line_of_another_is_not_struck_through_by_its_own(
    read_html: Callable[..., list],  # type: ignore[type-arg]
) -> None:
    names = ("p50 <= 61.44 ms", "p99 <= 122.5 ms", "p90 < 100 ms")
    bounds = [Mark(name, "pass", x, None) for name, x in zip(names, (3, 6.1, 5), strict=True)]
    labels, _ = drawn(read_html(marks(frame(), bounds)))
    for label, bound in zip(labels, bounds, strict=True):
        assert not label.is_across(frame().place(bound.x, 0)[0])
