from __future__ import annotations

import numpy as np
import pytest

from pytest_npuperf.slo.noise import noise_floor
from pytest_npuperf.slo.stage_run import StageRun


def run_of(level: float, **totals: float) -> StageRun:
    ttft = level * np.array([1.0, 2.0, 3.0])
    return StageRun({"ttft": ttft, "tpot": np.full(3, np.nan)}, {"failed_requests": 0.0} | totals)


# Quantiles of Student's t at 95 %, from tables: 2.920, 2.132, 1.833 at 2, 4 and 9 degrees of freedom.
@pytest.mark.parametrize(("runs", "quantile"), [(3, 2.920), (5, 2.132), (10, 1.833)])
def test_it_is_the_bound_of_a_prediction_interval(runs: int, quantile: float) -> None:
    levels = np.linspace(0.9, 1.1, runs)
    measured = [run_of(level) for level in levels]
    expected = quantile * levels.std(ddof=1) * (1 + 1 / runs) ** 0.5
    assert noise_floor(measured, "ttft", "avg") == pytest.approx(expected, rel=0.02)
    assert noise_floor(measured, "ttft", "p87.5") == pytest.approx(expected, rel=0.02)


def test_one_run_in_twenty_lies_above_it() -> None:
    rng = np.random.default_rng(0)
    above = 0
    for _ in range(1000):
        *before, now = rng.normal(1.0, 0.04, size=6)
        floor = noise_floor(
            [run_of(1.0, request_throughput=value) for value in before], "request_throughput", None
        )
        assert floor is not None
        above += now > np.mean(before) * (1 + floor)
    assert 0.03 <= above / 1000 <= 0.07


def test_figures_that_are_zero_infinite_or_missing_are_left_out() -> None:
    runs = [run_of(level, failure_rate=0.0, concurrency=level) for level in (1.0, 1.1, 1.2)]
    runs[1] = StageRun(runs[1].samples, {"failed_requests": 1.0, "failure_rate": 0.0})
    assert noise_floor(runs, "ttft", "avg") is not None
    assert noise_floor(runs, "ttft", "max") is None
    assert noise_floor(runs, "tpot", "avg") is None
    for total in ("failure_rate", "failed_requests", "concurrency"):
        assert noise_floor(runs, total, None) is None


@pytest.mark.parametrize("count", [0, 2])
def test_fewer_than_three_runs_have_none(count: int) -> None:
    assert noise_floor([run_of(1.0)] * count, "ttft", "avg") is None
