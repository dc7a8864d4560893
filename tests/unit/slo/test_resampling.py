from __future__ import annotations

import heapq

import numpy as np
import pytest

from pytest_npuperf.slo.resampling import needed_requests, resampled
from pytest_npuperf.slo.stage_run import StageRun


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def latencies(n: int, seed: int = 0, sigma: float = 0.3) -> np.ndarray:
    return 0.2 * np.exp(sigma * np.random.default_rng(seed).standard_normal(n))


def run_of(totals: dict[str, float] | None = None, **samples: object) -> StageRun:
    return StageRun(samples, {"total_requests": 300, "failed_requests": 0} | (totals or {}))


def test_infinite_values_are_drawn_like_others() -> None:
    drawn = resampled(run_of({"failed_requests": 3}, ttft=latencies(297)), "ttft", "p99", rng())
    assert drawn is not None
    assert not np.isnan(drawn).any()
    assert 0.2 < np.isinf(drawn).mean() < 0.9


@pytest.mark.parametrize("clients", [1, 16, 64])
def test_throughputs_of_closed_loops_spread_as_those_of_repeated_loads(clients: int) -> None:
    loads = [
        (throughput(values, clients), values) for values in (latencies(300, seed) for seed in range(300))
    ]
    true = np.array([rate for rate, _ in loads])
    spreads = [
        drawn.std() / drawn.mean()
        for rate, values in loads[:20]
        if (
            drawn := resampled(
                run_of({"request_throughput": rate, "max_concurrency": clients}, e2el=values),
                "request_throughput",
                None,
                rng(),
            )
        )
        is not None
    ]
    assert np.mean(spreads) == pytest.approx(true.std() / true.mean(), rel=0.2)


def throughput(latencies: np.ndarray, clients: int) -> float:
    free = [0.0] * clients
    for latency in latencies:
        heapq.heappush(free, heapq.heappop(free) + float(latency))
    return len(latencies) / max(free)


def test_token_throughputs_take_tokens_with_their_time() -> None:
    # as many tokens a second in every request: nothing to be unsure of
    times = latencies(300)
    run = run_of({"output_token_throughput": 90.0}, e2el=times, output_tokens=100 * times)
    drawn = resampled(run, "output_token_throughput", None, rng())
    assert drawn is not None
    assert drawn == pytest.approx(90.0)


def test_a_failure_rate_is_binomial() -> None:
    drawn = resampled(run_of({"failure_rate": 0.1}), "failure_rate", None, rng())
    assert drawn is not None
    assert drawn.std() == pytest.approx((0.1 * 0.9 / 300) ** 0.5, rel=0.1)


@pytest.mark.parametrize(
    ("metric", "statistic"),
    [
        ("ttft", "max"),
        ("ttft", "min"),
        ("concurrency", None),
        ("request_throughput", None),
        ("output_token_throughput", None),
        ("failure_rate", None),
        ("tpot", "avg"),
    ],
)
def test_some_figures_cannot_be_resampled(metric: str, statistic: str | None) -> None:
    totals = {"concurrency": 3.0, "request_throughput": 4.0, "failure_rate": 0.0}
    run = run_of(totals, ttft=latencies(300), tpot=np.full(300, np.nan))
    assert resampled(run, metric, statistic, rng()) is None


@pytest.mark.parametrize(
    ("metric", "statistic", "needed"),
    [
        ("ttft", "avg", 50),
        ("ttft", "median", 5),
        ("ttft", "p90", 29),
        ("ttft", "p99", 299),
        ("ttft", "p1", 299),
        ("ttft", "max", 1),
        ("itl", "p99", 50),
        ("output_token_throughput", None, 50),
        ("concurrency", None, 1),
    ],
)
def test_requests_that_a_figure_needs(metric: str, statistic: str | None, needed: int) -> None:
    runs = [run_of(itl=tuple(np.ones(100) for _ in range(10)), ttft=latencies(10))]
    assert needed_requests(runs, metric, statistic) == needed


def test_short_answers_need_more_requests_for_a_percentile_of_their_gaps() -> None:
    assert needed_requests([run_of(itl=tuple(np.ones(2) for _ in range(10)))], "itl", "p99") == 150
