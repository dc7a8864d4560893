from __future__ import annotations

from math import inf, nan

import numpy as np
import pytest

from pytest_npuperf.slo.stage_run import StageRun, figure, figure_name


def run(failed: int = 0, **samples: object) -> StageRun:
    columns = {
        name: tuple(np.array(gaps) for gaps in values) if name == "itl" else np.array(values)
        for name, values in samples.items()
    }
    return StageRun(columns, {"total_requests": 20, "failed_requests": failed, "failure_rate": failed / 20})


def test_a_figure_is_named_as_in_a_budget() -> None:
    assert figure_name("ttft", "p99") == "ttft.p99"
    assert figure_name("request_throughput", None) == "request_throughput"


def test_requests_without_a_value_do_not_count() -> None:
    assert figure(run(tpot=[0.1, nan, 0.3]), "tpot", "avg") == (pytest.approx(0.2), 2)


def test_gaps_are_pooled_and_counted_by_request() -> None:
    assert figure(run(itl=[[1.0, 2.0], [], [6.0]]), "itl", "avg") == (3.0, 2)


def test_a_metric_without_a_statistic_rests_on_all_requests() -> None:
    assert figure(run(failed=2, ttft=[0.1]), "failure_rate", None) == (0.1, 20)


@pytest.mark.parametrize("statistic", ["avg", "p99", "max"])
def test_what_was_not_measured_is_none(statistic: str) -> None:
    assert figure(run(ttft=[]), "ttft", statistic) == (None, 0)
    assert figure(run(), "ttft", statistic) == (None, 0)
    assert figure(run(), "concurrency", None)[0] is None


@pytest.mark.parametrize(
    ("statistic", "value"),
    [("avg", 2.5), ("min", 1.0), ("median", 3.0), ("p25", 2.0), ("p60", 3.4), ("p80", inf), ("max", inf)],
)
def test_failed_requests_are_infinitely_slow_in_percentiles_and_maxima_of_latencies(
    statistic: str, value: float
) -> None:
    assert figure(run(failed=1, ttft=[1.0, 2.0, 3.0, 4.0]), "ttft", statistic)[0] == pytest.approx(value)


def test_a_percentile_between_two_infinite_values_is_infinite() -> None:
    assert figure(run(failed=2, ttft=[1.0]), "ttft", "p75")[0] == inf


def test_failed_requests_have_no_lengths() -> None:
    assert figure(run(failed=1, output_tokens=[10.0, 20.0]), "output_tokens", "max") == (20.0, 2)
