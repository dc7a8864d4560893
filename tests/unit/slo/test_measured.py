from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from pytest_npuperf.metrics import summarize
from pytest_npuperf.slo import run_of_stage
from pytest_npuperf.slo.stage_run import figure
from pytest_npuperf.slo.vocabulary import METRICS
from pytest_npuperf.trace import Trace


@pytest.fixture
def trace(build_trace: Callable[..., Trace]) -> Trace:
    return build_trace(
        {"sent": 0, "chunks": [100, 120, 150], "end": 160},
        {"sent": 10, "chunks": [], "end": 90, "error": "http_status"},
        {"sent": 20, "chunks": [220], "end": 230, "scheduled": 5},
    )


def test_every_figure_is_that_of_the_summary(trace: Trace) -> None:
    summary = summarize(trace, max_concurrency=2)
    run = run_of_stage(trace, summary)
    for metric in METRICS.values():
        if metric.of_chunks or not hasattr(summary, metric.name):
            continue
        measured = getattr(summary, metric.name)
        # averages, unlike percentiles, are the same with a failed request
        statistic = "avg" if metric.takes_statistic else None
        expected = measured.avg if metric.takes_statistic else measured
        assert figure(run, metric.name, statistic)[0] == pytest.approx(expected), metric.name


def test_samples_have_a_value_for_each_successful_request(trace: Trace) -> None:
    samples = run_of_stage(trace, summarize(trace, max_concurrency=2)).samples
    assert np.asarray(samples["ttft"]).tolist() == [0.1, 0.2]
    np.testing.assert_equal(np.asarray(samples["tpot"]), [0.03, np.nan])
    assert len(samples["schedule_delay"]) == 3
    assert [gaps.tolist() for gaps in samples["itl"]] == [[0.02, 0.03]]


def test_receive_lag_has_a_value_for_each_stamped_chunk(build_trace: Callable[..., Trace]) -> None:
    trace = build_trace({"sent": 0, "chunks": [100, 110, 120], "end": 130, "lags": [1000, -1, 3000]})
    samples = run_of_stage(trace, summarize(trace, max_concurrency=None)).samples
    assert np.asarray(samples["receive_lag"]).tolist() == [1e-6, 3e-6]


def test_the_number_of_clients_is_kept_where_there_is_one(trace: Trace) -> None:
    assert run_of_stage(trace, summarize(trace, max_concurrency=2)).totals["max_concurrency"] == 2
    assert "max_concurrency" not in run_of_stage(trace, summarize(trace, max_concurrency=None)).totals


def test_what_is_unknown_is_left_out(build_trace: Callable[..., Trace]) -> None:
    trace = build_trace({"sent": 0, "chunks": [100], "end": 160, "output_tokens": -1})
    run = run_of_stage(trace, summarize(trace, max_concurrency=None))
    assert "output_token_throughput" not in run.totals
    assert figure(run, "output_tokens", "avg") == (None, 0)
