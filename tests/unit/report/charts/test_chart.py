from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

from pytest_npuperf.report.charts.chart import Curve, Frame, Mark, chart, marks, step_curves
from pytest_npuperf.report.charts.scale import KINDS, Unit, linear, of_kind
from pytest_npuperf.report.html.markup import joined

S, SHARE = Unit("s", 1.0), Unit("%", 0.01)


def frame(high: float = 10) -> Frame:
    return Frame(linear(0, high, S), linear(0, 1, SHARE))


def corners(path: str) -> list[tuple[float, float]]:
    """Where a path of M, H and V turns up or down."""
    x, found = 0.0, []
    for command, first in re.findall(r"([MHV])([\d.]+)", path):
        if command == "V":
            found.append((x, float(first)))
        else:
            x = float(first)
    return found


def path_of(curve: Curve, frame: Frame) -> str:
    match = re.search(r' d="([^"]+)"', step_curves(frame, [curve]))
    assert match is not None
    return match[1]


def test_a_curve_steps_where_its_values_are() -> None:
    path = path_of(Curve("total", "main", np.array([2.0, 5.0]), np.array([0.5, 1.0])), frame())
    (left, bottom), (right, top) = frame().place(0, 0), frame().place(10, 1)
    middle = (top + bottom) / 2
    expected = [(left + 0.2 * (right - left), middle), (left + 0.5 * (right - left), top)]
    assert np.array(corners(path)) == pytest.approx(np.array(expected), abs=0.5)
    assert path.startswith("M")
    assert path.endswith(f"H{right:g}")


def test_a_curve_ends_where_it_is_told() -> None:
    path = path_of(Curve("total", "main", np.array([0.0]), np.array([0.5]), until=5), frame())
    assert path.endswith(f"H{frame().place(5, 0)[0]:g}")


def test_a_curve_of_many_values_is_thinned_and_keeps_its_extremes() -> None:
    rng = np.random.default_rng(1)
    x, y = np.linspace(0, 10, 100_000), rng.random(100_000) * 0.5
    y[50_000] = 1.0
    path = path_of(Curve("total", "main", x, y), frame())
    assert len(path) < 40_000
    heights = [height for _, height in corners(path)]
    assert min(heights) == pytest.approx(frame().place(0, 1)[1], abs=0.1)


def test_a_rising_curve_has_one_corner_in_a_column() -> None:
    x = np.sort(np.random.default_rng(1).random(100_000) * 10)
    path = path_of(Curve("total", "main", x, np.arange(1, 100_001) / 100_000), frame())
    columns = [column for column, _ in corners(path)]
    assert len(columns) == len(set(columns))


def test_a_curve_without_values_is_not_drawn() -> None:
    assert step_curves(frame(), [Curve("total", "main", np.empty(0), np.empty(0))]) == ""


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


def test_a_chart_with_two_kinds_of_axis_has_both(read_html: Callable[..., list]) -> None:  # type: ignore[type-arg]
    made = chart(
        "a <label>",
        lambda kind: Frame(of_kind(kind, 1, 9, S), linear(0, 1, SHARE)),
        lambda _: joined(()),
        kinds=KINDS,
    )
    svg, *tags = read_html(made)
    groups = [tag for tag in tags if tag.name == "g"]
    assert [group.attributes["class"] for group in groups] == ["axis-linear", "axis-log"]
    assert [group.attributes["data-x"] for group in groups] == ["linear 0 10 1 s", "log 1 10 1 s"]
    assert (svg.attributes["role"], svg.attributes["aria-label"]) == ("img", "a <label>")
