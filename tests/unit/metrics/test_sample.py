from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_npuperf.metrics import Sample

ranks = st.integers(0, 999).map(lambda tenths: f"{tenths // 10}.{tenths % 10}")
values = st.lists(st.floats(0, 1e6), min_size=1)


def test_statistics_of_a_known_sample() -> None:
    sample = Sample.of([4, 1, 3, 2, 10])

    assert sample.n == 5
    assert sample.avg == 4
    assert sample.min == 1
    assert sample.max == 10
    assert sample.median == 3


def test_percentile_interpolates_linearly_between_neighbours() -> None:
    sample = Sample.of([10, 20, 30, 40])

    assert sample.p50 == 25
    assert sample.p90 == pytest.approx(37)
    assert sample.p99_9 == pytest.approx(39.97)


def test_percentile_of_one_value_is_that_value() -> None:
    assert Sample.of([7]).p99 == 7


@pytest.mark.parametrize("statistic", ["avg", "min", "max", "median", "p99", "p99.9"])
def test_every_statistic_of_an_empty_sample_is_none(statistic: str) -> None:
    assert Sample.of([]).statistic(statistic) is None


def test_empty_sample_has_n_0() -> None:
    assert Sample.of([]).n == 0


@given(values, ranks)
def test_statistics_agree_with_numpy(numbers: list[float], rank: str) -> None:
    sample = Sample.of(numbers)

    assert sample.avg == np.mean(numbers)
    assert sample.min == np.min(numbers)
    assert sample.max == np.max(numbers)
    assert sample.median == np.median(numbers) or math.isclose(sample.median or 0, np.median(numbers))
    assert sample.statistic(f"p{rank}") == np.percentile(numbers, float(rank))


@pytest.mark.parametrize("statistic", ["avg", "min", "max", "median", "p90", "p99.9"])
def test_statistics_are_plain_floats(statistic: str) -> None:
    assert type(Sample.of([1, 2, 3]).statistic(statistic)) is float


def test_statistic_reads_the_names_of_budgets() -> None:
    sample = Sample.of([1, 2, 3, 4, 10])
    names = ("avg", "min", "max", "median", "p5", "p75", "p99.9")

    assert [sample.statistic(name) for name in names] == pytest.approx([4, 1, 10, 3, 1.2, 4, 9.976])


@pytest.mark.parametrize("name", ["mean", "p100", "p9x", "p", "n", "values"])
def test_unknown_statistic_is_an_error_that_lists_the_known_ones(name: str) -> None:
    with pytest.raises(
        AttributeError, match=rf"no '{name}'; it has n, avg, min, max, median and percentiles"
    ):
        Sample.of([1]).statistic(name)


def test_unknown_attribute_is_an_error_like_an_unknown_statistic() -> None:
    with pytest.raises(AttributeError, match="a sample has no 'mean'"):
        _ = Sample.of([1]).mean


def test_repr_shows_n_and_what_lies_around_it() -> None:
    assert repr(Sample.of([1, 2, 6])) == "<Sample n=3 avg=3 median=2 p99=5.92>"
    assert repr(Sample.of([])) == "<Sample n=0>"
