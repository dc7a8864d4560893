"""Bounds of figures, held against scipy's."""

from __future__ import annotations

from math import inf, log

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from pytest_npuperf.metrics.intervals import order_bounds
from pytest_npuperf.slo.intervals import figure_interval, wilson_interval
from pytest_npuperf.slo.resampling import needed_requests
from pytest_npuperf.slo.stage_run import StageRun

Floats = NDArray[np.float64]


def run_of(totals: dict[str, float] | None = None, **samples: object) -> StageRun:
    return StageRun(samples, {"total_requests": 300, "failed_requests": 0} | (totals or {}))  # type: ignore[arg-type]


def latencies(n: int, seed: int = 0) -> Floats:
    return 0.2 * np.exp(0.3 * np.random.default_rng(seed).standard_normal(n))


@pytest.mark.parametrize(
    ("count", "n"), [(0, 1), (1, 1), (0, 200), (1, 200), (19, 20), (20, 20), (150, 300), (3, 5000)]
)
def test_bounds_of_a_share_are_those_of_wilson(count: int, n: int) -> None:
    expected = [
        stats.binomtest(count, n, alternative=side).proportion_ci(confidence_level=0.95, method="wilson")
        for side in ("greater", "less")
    ]

    low, high = wilson_interval(count, n)

    assert low == pytest.approx(expected[0].low, abs=1e-12)
    assert high == pytest.approx(expected[1].high, abs=1e-12)


def test_a_share_of_none_and_of_all_is_bounded_exactly() -> None:
    assert wilson_interval(0, 7)[0] == 0
    assert wilson_interval(7, 7)[1] == 1


@pytest.mark.parametrize("n", [1, 4, 5, 28, 29, 200, 298, 299, 1000])
@pytest.mark.parametrize("statistic", ["p1", "p10", "median", "p90", "p99"])
def test_bounds_of_a_percentile_are_scipys_each_where_it_exists_by_itself(statistic: str, n: int) -> None:
    values = latencies(n, seed=n)
    share = 0.5 if statistic == "median" else float(statistic[1:]) / 100
    expected = [
        stats.quantile_test(values, p=share, alternative=side).confidence_interval(confidence_level=0.95)
        for side in ("greater", "less")
    ]
    bounds = (expected[0].low, expected[1].high)

    found = figure_interval(run_of(ttft=values), "ttft", statistic)

    assert found == tuple(None if np.isnan(bound) else bound for bound in bounds)


@pytest.mark.parametrize("statistic", ["p1", "p10", "median", "p90", "p99", "p99.9"])
def test_the_requests_that_a_percentile_needs_are_those_of_its_whole_interval(statistic: str) -> None:
    needed = needed_requests([run_of(ttft=latencies(1))], "ttft", statistic)

    def is_whole(n: int) -> bool:
        return None not in figure_interval(run_of(ttft=latencies(n)), "ttft", statistic)

    assert is_whole(needed)
    assert not is_whole(needed - 1)


def test_p99_of_200_has_a_lower_bound_alone() -> None:
    low, high = figure_interval(run_of(ttft=np.arange(1.0, 201)), "ttft", "p99")

    assert (low, high) == (195.0, None)


def test_bounds_of_a_percentile_may_be_infinite() -> None:
    run = run_of({"failed_requests": 3}, ttft=np.arange(1.0, 298))

    assert figure_interval(run, "ttft", "p99") == (294.0, inf)


def test_no_values_have_no_bounds() -> None:
    assert order_bounds(np.empty(0), 0.5, 0.95) == (None, None)
    assert figure_interval(run_of(ttft=np.empty(0)), "ttft", "avg") == (None, None)


def test_bounds_of_a_mean_are_about_those_of_scipys_bootstrap() -> None:
    values = latencies(200)
    expected = stats.bootstrap(
        (values,), np.mean, confidence_level=0.9, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval

    low, high = figure_interval(run_of(ttft=values), "ttft", "avg")

    assert low is not None
    assert high is not None
    assert low == pytest.approx(expected.low, rel=0.005)
    assert high == pytest.approx(expected.high, rel=0.005)
    assert low < values.mean() < high


def test_means_and_rates_have_bounds_from_50_requests_on() -> None:
    rate = {"request_throughput": 5.0, "max_concurrency": 1.0}
    for n, has_bounds in ((49, False), (50, True)):
        run = run_of(rate | {"total_requests": n}, ttft=latencies(n), e2el=latencies(n))
        for metric, statistic in (("ttft", "avg"), ("request_throughput", None)):
            assert (None not in figure_interval(run, metric, statistic)) is has_bounds


@pytest.mark.parametrize(("count", "rate"), [(3, 0.01), (0, 0.0)])
def test_a_failure_rate_has_wilsons_bounds(count: int, rate: float) -> None:
    assert figure_interval(run_of({"failure_rate": rate}), "failure_rate", None) == wilson_interval(
        count, 300
    )


@pytest.mark.parametrize(
    ("metric", "statistic"),
    [("ttft", "min"), ("ttft", "max"), ("itl", "max"), ("failed_requests", None), ("cache_hit_rate", None)],
)
def test_extremes_counts_and_shares_of_tokens_have_none(metric: str, statistic: str | None) -> None:
    run = run_of({"cache_hit_rate": 0.5}, ttft=latencies(300), itl=tuple(np.ones((300, 5))))

    assert figure_interval(run, metric, statistic) == (None, None)


def answers(seed: int) -> tuple[Floats, ...]:
    """The gaps of 100 answers, each as fast as its own batch lets it be."""
    rng = np.random.default_rng(seed)
    return tuple(rng.exponential() + rng.exponential(0.1, size=30) for _ in range(100))


# The P90 is that of the sum of two independent exponentials with means 1 and 0.1.
@pytest.mark.parametrize(("statistic", "truth"), [("avg", 1.1), ("p90", 2.40794)])
def test_an_interval_over_gaps_instead_of_requests_would_be_too_narrow(statistic: str, truth: float) -> None:
    by_request = by_gap = 0
    for seed in range(100):
        gaps = answers(seed)
        low, high = figure_interval(run_of(itl=gaps), "itl", statistic)
        assert low is not None
        assert high is not None
        by_request += low <= truth <= high
        low, high = over_gaps(np.concatenate(gaps), statistic)
        assert low is not None
        assert high is not None
        by_gap += low <= truth <= high

    # of a two-sided 90 %: what gaps of one answer have in common is seen by the first alone
    assert by_request / 100 >= 0.8
    assert by_gap / 100 < 0.5


def over_gaps(gaps: Floats, statistic: str) -> tuple[float | None, float | None]:
    """As if each gap were a request."""
    if statistic == "p90":
        return order_bounds(gaps, 0.9, 0.95)
    reach = 1.645 * gaps.std() / len(gaps) ** 0.5
    return gaps.mean() - reach, gaps.mean() + reach


@pytest.mark.parametrize(("statistic", "truth"), [("median", log(2)), ("p90", log(10)), ("p99", log(100))])
def test_either_bound_is_past_the_true_figure_in_one_case_of_20_at_most(statistic: str, truth: float) -> None:
    above = below = 0
    for seed in range(400):
        values = np.random.default_rng(seed).exponential(size=400)
        low, high = figure_interval(run_of(ttft=values), "ttft", statistic)
        assert low is not None
        assert high is not None
        above += low > truth
        below += high < truth

    # 33 and more of 400 have a probability of 0.3 % where it is one of 20
    assert above <= 32
    assert below <= 32
