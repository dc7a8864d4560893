from __future__ import annotations

import re

import numpy as np
import pytest

from pytest_npuperf.report.charts.curves import Curve, places_along, step_band, step_curves
from pytest_npuperf.report.charts.frame import Frame
from pytest_npuperf.report.charts.scale import Unit, linear

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


def test_a_band_reaches_from_one_curve_to_the_other() -> None:
    x = np.array([0.0, 5.0])
    low, high = (
        Curve("least", "edge", x, np.array([0.0, 0.5])),
        Curve("most", "edge", x, np.array([0.5, 1.0])),
    )
    match = re.search(r' d="([^"]+)"', step_band(frame(), low, high))
    assert match is not None
    (left, bottom), (middle, half), (right, top) = (
        frame().place(x, y) for x, y in ((0, 0), (5, 0.5), (10, 1))
    )
    upper = f"M{left:.1f} {half:.1f}H{middle:.1f}V{top:.1f}H{right:.1f}"
    assert match[1] == f"{upper}V{half:.1f}H{middle:.1f}V{bottom:.1f}H{left:.1f}z"


def test_places_along_a_curve_are_on_it() -> None:
    curve = Curve("total", "main", np.array([5.0]), np.array([1.0]))
    places = places_along(frame(), curve)
    (middle, top), (_, bottom) = frame().place(5, 1), frame().place(0, 0)
    assert {y for x, y in places if x < middle - 4} == {bottom}
    assert {y for x, y in places if x > middle + 4} == {top}
    assert any(top + 20 < y < bottom - 20 for x, y in places)


def test_a_curve_without_values_is_not_drawn() -> None:
    assert step_curves(frame(), [Curve("total", "main", np.empty(0), np.empty(0))]) == ""
