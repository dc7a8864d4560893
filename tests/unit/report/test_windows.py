from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from pytest_npuperf.confirming import pooled_result
from pytest_npuperf.metrics import summarize
from pytest_npuperf.report.charts.stages import described_windows
from pytest_npuperf.report.windows import Windows, windows
from pytest_npuperf.result import CaseResult
from pytest_npuperf.trace import Trace


@pytest.fixture
def measured(make_result: Callable[..., CaseResult], build_trace: Callable[..., Trace]) -> CaseResult:
    """A second of load, from 5 s on."""
    trace = build_trace(
        {"sent": 5000, "chunks": [5100], "end": 5400}, {"sent": 5200, "chunks": [5900], "end": 6000}
    )
    stages = (summarize(trace, max_concurrency=2, stage="steady"),)
    return make_result("chat", trace, warmup_window=(-2.0, 0.25), steady_window=(0.3, 0.8), stages=stages)


def test_the_windows_of_one_measurement_are_its_own(measured: CaseResult) -> None:
    assert windows(measured) == Windows(warmup=((-2.0, 0.25),), steady=((0.3, 0.8),), starts=())


def test_a_warmup_that_has_ended_before_a_measurement_began_has_a_place_before_0_alone(
    measured: CaseResult,
) -> None:
    early = replace(measured, warmup_window=(-2.0, -0.1))
    assert windows(pooled_result([early, early])).warmup == ((-2.0, -0.1),)
    assert windows(replace(measured, warmup_window=None)).warmup == ()


def test_each_measurement_begins_where_the_one_before_has_ended(measured: CaseResult) -> None:
    second = replace(measured, warmup_window=(-1.0, 0.5), steady_window=(0.6, 0.9))
    found = windows(pooled_result([measured, second, measured]))
    assert found.starts == pytest.approx((1.0, 2.0))
    assert np.array(found.warmup) == pytest.approx(np.array([(-2, 0.25), (1, 1.5), (2, 2.25)]))
    assert np.array(found.steady) == pytest.approx(np.array([(0.3, 0.8), (1.6, 1.9), (2.3, 2.8)]))


def test_a_warmup_ends_with_its_measurement(measured: CaseResult) -> None:
    long = replace(measured, warmup_window=(-1.0, 7.0))
    assert windows(pooled_result([long, measured])).warmup == ((-1.0, 1.0), (1.0, 1.25))


def test_there_is_no_steady_stage_where_one_measurement_has_none(measured: CaseResult) -> None:
    without = replace(measured, steady_window=None, steady_rows=None)
    assert windows(pooled_result([measured, without])).steady == ()


def test_turns_beside_another_server_are_called_turns(measured: CaseResult) -> None:
    again = pooled_result([measured, measured])
    assert windows(again).start_name == "measured again"
    assert "; a line is where it was measured again" in described_windows(windows(again))
    turns = windows(replace(again, in_pairs=True))
    assert turns.start_name == "next turn"
    assert described_windows(turns).endswith("next turn begins; the other server's turns are left out")
