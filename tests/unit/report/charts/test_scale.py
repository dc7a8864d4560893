from __future__ import annotations

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_npuperf.report.charts.scale import Unit, linear, number, of_kind, quantity, round_step, time_unit

S = Unit("s", 1.0)


def test_a_linear_axis_begins_at_zero_and_ends_at_a_round_number() -> None:
    scale = linear(0.05, 0.29, time_unit(0.29))
    assert (scale.low, scale.high) == (0, pytest.approx(0.3))
    assert scale.labels(longest_unit=2) == ["0", "100", "200", "300 ms"]


def test_a_linear_axis_leaves_zero_out_where_all_values_are_far_from_it() -> None:
    scale = linear(0.33, 0.61, S)
    assert (scale.low, scale.high) == (pytest.approx(0.3), pytest.approx(0.7))


def test_an_axis_that_is_not_to_go_on_ends_with_the_values() -> None:
    scale = linear(0, 10.1, S, to_the_end=False)
    assert scale.high == 10.1
    assert scale.labels(longest_unit=2) == ["0", "2.5", "5", "7.5", "10 s"]


@pytest.mark.parametrize(
    ("high", "ticks"),
    [(1, [0, 1]), (2, [0, 1, 2]), (3, [0, 1, 2, 3]), (9, [0, 5, 10]), (76, [0, 20, 40, 60, 80])],
)
def test_what_is_counted_has_whole_ticks(high: float, ticks: list[float]) -> None:
    assert linear(0, high, Unit("", 1.0), ticks=4, whole=True).ticks == tuple(ticks)


def test_a_logarithmic_axis() -> None:
    scale = of_kind("log", 0.0483, 0.31, time_unit(0.31))
    assert scale.labels(longest_unit=2) == ["20", "50", "100", "200", "500 ms"]
    assert scale.shares(np.array([0.02, 0.1, 0.5])) == pytest.approx([0, 0.5, 1])


def test_a_logarithmic_axis_puts_zero_at_its_edge() -> None:
    scale = of_kind("log", 0.0, 1.0, S)
    assert scale.low == pytest.approx(1e-4)
    assert scale.share(0.0) == 0
    assert scale.share(9.0) == 1


def test_a_long_unit_is_not_at_the_tick() -> None:
    assert linear(0, 4, Unit("token/s", 1)).labels(longest_unit=2)[-1] == "4"


@given(st.floats(1e-6, 1e6), st.floats(1, 1e6), st.sampled_from(["linear", "log"]))
def test_every_scale_holds_its_values_and_has_few_ticks_that_rise(
    low: float, factor: float, kind: str
) -> None:
    high = low * factor
    scale = of_kind(kind, low, high, time_unit(high))  # type: ignore[arg-type]
    assert scale.low < scale.high
    assert scale.low <= max(low, high / 1e4) * (1 + 1e-6)
    assert high <= scale.high * (1 + 1e-6)
    assert 2 <= len(scale.ticks) <= 8
    assert np.all(np.diff(scale.ticks) > 0)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (12345.6, "12346"),
        (49.8249, "49.82"),
        (0.05, "0.05"),
        (100, "100"),
        (-0.5, "-0.5"),
        (1e-7, "1e-07"),
    ],
)
def test_number(value: float, shown: str) -> None:
    assert number(value) == shown


def test_quantity() -> None:
    assert quantity(0.0498249, time_unit(0.05)) == "49.82 ms"
    assert quantity(None, S) == "-"
    assert quantity(inf, S) == "infinite"


@pytest.mark.parametrize(
    ("high", "unit"), [(0.00009, "µs"), (0.0002, "ms"), (0.05, "ms"), (9.0, "ms"), (12.0, "s"), (0.0, "ms")]
)
def test_time_unit(high: float, unit: str) -> None:
    assert time_unit(high).name == unit


def test_round_step() -> None:
    assert [round_step(rough) for rough in (0.11, 2.1, 2.6, 7)] == pytest.approx([0.2, 2.5, 5, 10])
