from __future__ import annotations

import numpy as np
import pytest

from pytest_npuperf.baselines import noise_floor
from pytest_npuperf.errors import BaselineError
from pytest_npuperf.slo.stage_run import StageRun


def run_of(level: float, **totals: float) -> StageRun:
    ttft = level * np.array([1.0, 2.0, 3.0])
    return StageRun({"ttft": ttft, "tpot": np.full(3, np.nan)}, {"failed_requests": 0.0} | totals)


# Quantiles of Student's t at 95 %, from tables: 2.920, 2.132, 1.833 at 2, 4 and 9 degrees of freedom.
@pytest.mark.parametrize(("runs", "quantile"), [(3, 2.920), (5, 2.132), (10, 1.833)])
def test_it_is_the_bound_of_a_prediction_interval(runs: int, quantile: float) -> None:
    levels = np.linspace(0.9, 1.1, runs)
    floor = noise_floor([run_of(level) for level in levels])
    expected = quantile * levels.std(ddof=1) * (1 + 1 / runs) ** 0.5
    assert floor["ttft.avg"] == pytest.approx(expected, rel=0.02)
    assert floor["ttft.p99"] == pytest.approx(floor["ttft.avg"])


def test_one_run_in_twenty_lies_above_it() -> None:
    rng = np.random.default_rng(0)
    above = 0
    for _ in range(1000):
        *before, now = rng.normal(1.0, 0.04, size=6)
        floor = noise_floor([run_of(1.0, request_throughput=value) for value in before])
        above += now > np.mean(before) * (1 + floor["request_throughput"])
    assert 0.03 <= above / 1000 <= 0.07


def test_figures_that_are_zero_infinite_or_missing_are_left_out() -> None:
    runs = [run_of(level, failure_rate=0.0, concurrency=level) for level in (1.0, 1.1, 1.2)]
    runs[1] = StageRun(runs[1].samples, {"failed_requests": 1.0, "failure_rate": 0.0})
    floor = noise_floor(runs)
    assert "ttft.avg" in floor
    assert not {"ttft.max", "tpot.avg", "failure_rate", "failed_requests", "concurrency"} & floor.keys()


@pytest.mark.parametrize("count", [0, 2])
def test_fewer_than_three_runs_are_an_error(count: int) -> None:
    with pytest.raises(
        BaselineError, match=rf"needs at least 3 runs of the same case, not {count}: measure more"
    ):
        noise_floor([run_of(1.0)] * count)
