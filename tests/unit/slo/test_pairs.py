"""Changes between two servers that were measured by turns."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_npuperf.slo.reference import Reference
from pytest_npuperf.slo.relative import Difference, difference
from pytest_npuperf.slo.stage_run import StageRun

PAIRS = 3


def pairs(
    seed: int, *, factor: float = 1.0, drift: float = 0.0, spread: float = 0.0
) -> tuple[list[StageRun], list[StageRun]]:
    """Runs of A and of B: ``drift`` is common to a pair, ``spread`` is each run's own."""
    rng = np.random.default_rng(seed)

    def run(level: float) -> StageRun:
        own = np.exp(spread * rng.standard_normal())
        ttft = level * own * np.exp(0.3 * rng.standard_normal(300))
        return StageRun({"ttft": ttft}, {"total_requests": 300, "failed_requests": 0})

    levels = [0.2 * np.exp(drift * rng.standard_normal()) for _ in range(PAIRS)]
    return [run(level) for level in levels], [run(level * factor) for level in levels]


def changed(a: list[StageRun], b: list[StageRun], *, is_paired: bool) -> Difference:
    change = difference(b, Reference("A", tuple(a), is_paired=is_paired), "ttft", "avg")
    assert change is not None
    return change


def width(change: Difference) -> float:
    assert change.interval is not None
    return change.interval[1] - change.interval[0]


def test_what_drifts_for_both_does_not_hide_a_change() -> None:
    a, b = pairs(5, factor=1.1, drift=0.3)
    paired, apart = changed(a, b, is_paired=True), changed(a, b, is_paired=False)
    assert paired.change == pytest.approx(0.1, abs=0.05)
    assert paired.interval is not None
    assert apart.interval is not None
    assert paired.interval[0] > 0 > apart.interval[0]


def test_pairs_that_differ_from_each_other_make_it_less_sure() -> None:
    assert width(changed(*pairs(2, spread=0.1), is_paired=True)) > 2 * width(
        changed(*pairs(2), is_paired=True)
    )


@pytest.mark.parametrize("spread", [0.0, 0.05])
def test_the_interval_holds_no_change_nine_times_out_of_ten(spread: float) -> None:
    held = 0
    for seed in range(300):
        interval = changed(*pairs(seed, drift=0.2, spread=spread), is_paired=True).interval
        assert interval is not None
        held += interval[0] <= 0 <= interval[1]
    assert 0.86 <= held / 300 <= 0.99
