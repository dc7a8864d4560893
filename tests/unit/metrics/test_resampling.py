from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_npuperf.metrics.resampling import RESAMPLES, needed_values, resampled_rate, resampled_statistic


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def latencies(n: int, seed: int = 0, sigma: float = 0.3) -> NDArray[np.float64]:
    return 0.2 * np.exp(sigma * np.random.default_rng(seed).standard_normal(n))


@pytest.mark.parametrize("n", [300, 301])
@pytest.mark.parametrize("statistic", ["p1", "median", "p90", "p99"])
def test_percentiles_are_drawn_as_by_the_plain_bootstrap(statistic: str, n: int) -> None:
    values = latencies(n)
    share = 50 if statistic == "median" else float(statistic[1:])
    plain = np.percentile(values[rng().integers(n, size=(4000, n))], share, axis=1)
    drawn = resampled_statistic(values, statistic, rng())
    assert drawn is not None
    assert drawn.mean() == pytest.approx(plain.mean(), rel=0.01)
    assert drawn.std() == pytest.approx(plain.std(), rel=0.12)


def test_means_spread_by_the_standard_error() -> None:
    values = latencies(400)
    drawn = resampled_statistic(values, "avg", rng())
    assert drawn is not None
    assert len(drawn) == RESAMPLES
    assert drawn.mean() == pytest.approx(values.mean(), rel=0.005)
    assert drawn.std() == pytest.approx(values.std() / 20, rel=0.1)


@pytest.mark.parametrize("statistic", ["avg", "median", "p99"])
def test_gaps_of_a_request_are_drawn_together(statistic: str) -> None:
    # all gaps of a request are the same: a hundred of them tell no more than one
    levels = latencies(300)
    one = resampled_statistic(tuple(np.array([level]) for level in levels), statistic, rng())
    hundred = resampled_statistic(tuple(np.full(100, level) for level in levels), statistic, rng())
    assert one is not None
    assert hundred is not None
    assert hundred.std() == pytest.approx(one.std(), rel=0.05)
    assert hundred.mean() == pytest.approx(one.mean(), rel=0.01)


def test_percentiles_of_gaps_are_those_of_the_pooled_gaps() -> None:
    gaps = tuple(latencies(50, seed) for seed in range(200))
    drawn = resampled_statistic(gaps, "p99", rng())
    assert drawn is not None
    assert drawn.mean() == pytest.approx(float(np.percentile(np.concatenate(gaps), 99)), rel=0.01)


@pytest.mark.parametrize("statistic", ["min", "max", "p0"])
def test_extremes_cannot_be_resampled(statistic: str) -> None:
    assert resampled_statistic(latencies(300), statistic, rng()) is None
    assert resampled_statistic((latencies(300),) * 60, statistic, rng()) is None


def test_what_has_no_values_cannot_be_resampled() -> None:
    assert resampled_statistic(np.empty(0), "avg", rng()) is None
    assert resampled_statistic((), "p90", rng()) is None


def test_a_rate_of_equal_requests_has_no_spread_but_that_of_its_end() -> None:
    counts, times = np.full(300, 10.0), np.full(300, 0.5)

    alone = resampled_rate(counts, times, 1, rng())
    together = resampled_rate(counts, times, 32, rng())

    assert alone == pytest.approx(20.0)
    assert together.std() > 0.01
    assert together.mean() < 20.0


# order statistics about the percentile: the smallest n with share ** n <= 1 - confidence
@pytest.mark.parametrize(("confidence", "needed"), [(0.95, 299), (0.975, 368)])
def test_a_surer_percentile_needs_more_values(confidence: float, needed: int) -> None:
    assert needed_values("p99", (), confidence) == needed
    assert needed_values("p1", (), confidence) == needed
    assert needed_values("p99", [np.ones(2)] * 10, confidence) == -(-needed // 2)
