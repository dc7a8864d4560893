from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from math import inf

import numpy as np
import pytest

from pytest_npuperf.errors import BaselineError
from pytest_npuperf.slo.reference import Reference
from pytest_npuperf.slo.relative import Difference, difference, judge_change
from pytest_npuperf.slo.stage_run import StageRun


def run_of(values: object, *, failed: int = 0, **totals: float) -> StageRun:
    ttft = np.asarray(values, dtype=np.float64)
    counts = {"total_requests": float(len(ttft) + failed), "failed_requests": float(failed)}
    return StageRun({"ttft": ttft}, counts | totals)


def drawn(seed: int, *, factor: float = 1.0, drift: float = 0.0, n: int = 300) -> StageRun:
    rng = np.random.default_rng(seed)
    effect = np.exp(drift * rng.standard_normal())
    return run_of(0.2 * factor * effect * np.exp(0.3 * rng.standard_normal(n)))


def baseline(*runs: StageRun) -> Reference:
    return Reference("main", runs)


def changed(
    current: Sequence[StageRun], reference: Reference, statistic: str | None, metric: str = "ttft"
) -> Difference:
    change = difference(current, reference, metric, statistic)
    assert change is not None
    return change


def width(change: Difference) -> float:
    assert change.interval is not None
    return change.interval[1] - change.interval[0]


class TestDifference:
    def test_both_sides_are_means_of_their_runs(self) -> None:
        before = baseline(run_of(np.full(100, 1.0)), run_of(np.full(100, 3.0)))
        change = changed([run_of(np.full(60, 5.0)), run_of(np.full(60, 7.0))], before, "avg")
        assert (change.value, change.baseline, change.change) == (6.0, 2.0, 2.0)
        assert (change.n, change.baseline_n, change.needed_n) == (120, 200, 50)

    def test_the_same_data_give_the_same_interval(self) -> None:
        before = baseline(drawn(1), drawn(2))
        assert changed([drawn(3)], before, "p90") == changed([drawn(3)], before, "p90")

    @pytest.mark.parametrize("statistic", ["avg", "median", "p90", "p99"])
    def test_the_interval_holds_the_true_change_nine_times_out_of_ten(self, statistic: str) -> None:
        held = 0
        for seed in range(0, 800, 2):
            change = changed([drawn(seed, factor=1.25)], baseline(drawn(seed + 1)), statistic)
            assert change.interval is not None
            held += change.interval[0] <= 0.25 <= change.interval[1]
        assert 0.86 <= held / 400 <= 0.95

    def test_with_drift_it_still_does_where_the_baseline_has_several_runs(self) -> None:
        held = 0
        for seed in range(0, 4000, 10):
            before = baseline(*(drawn(seed + place, drift=0.08) for place in range(5)))
            change = changed([drawn(seed + 5, drift=0.08)], before, "median")
            assert change.interval is not None
            held += change.interval[0] <= 0 <= change.interval[1]
        assert 0.86 <= held / 400 <= 0.96

    def test_one_run_in_the_baseline_shows_no_drift(self) -> None:
        apart = [drawn(seed, factor=factor) for seed, factor in ((1, 1.0), (2, 1.2), (3, 0.85))]
        assert width(changed([drawn(9)], baseline(apart[0]), "avg")) < 0.1
        assert width(changed([drawn(9)], baseline(*apart), "avg")) > 0.3

    def test_a_second_run_makes_the_interval_narrower(self) -> None:
        before = baseline(*(drawn(seed, drift=0.04) for seed in range(5)))
        one, two = ([drawn(seed, drift=0.04) for seed in range(10, 10 + count)] for count in (1, 2))
        assert width(changed(two, before, "p99")) < width(changed(one, before, "p99"))

    def test_two_runs_that_happen_to_agree_do_not_prove_that_runs_agree(self) -> None:
        same = run_of(np.full(100, 1.0), concurrency=4.0)
        other = run_of(np.full(100, 1.0), concurrency=4.04)
        change = changed([same], baseline(same, other), None, "concurrency")
        assert change.interval is not None
        assert change.interval[0] < -0.02
        assert change.interval[1] > 0.02

    @pytest.mark.parametrize(("metric", "statistic"), [("ttft", "max"), ("concurrency", None)])
    def test_figures_that_one_run_shows_no_spread_of_need_several(
        self, metric: str, statistic: str | None
    ) -> None:
        runs = [
            run_of(0.2 + np.arange(50) * scale, concurrency=4 + scale)
            for scale in (0.010, 0.011, 0.012, 0.013)
        ]
        assert changed(runs[:1], baseline(runs[1]), statistic, metric).interval is None
        assert changed(runs[:1], baseline(*runs[1:]), statistic, metric).interval is not None

    def test_too_few_requests_now_have_no_interval(self) -> None:
        change = changed([drawn(1, n=200)], baseline(drawn(2)), "p99")
        assert (change.interval, change.n, change.needed_n) == (None, 200, 299)
        assert changed([drawn(1, n=200), drawn(3, n=200)], baseline(drawn(2)), "p99").interval is not None

    def test_failed_requests_make_a_percentile_infinitely_worse(self) -> None:
        change = changed([run_of(drawn(1, n=270).samples["ttft"], failed=30)], baseline(drawn(2)), "p99")
        assert (change.value, change.change) == (inf, inf)
        assert judge_change(change, allowed=0.1, higher_is_worse=True, confirmed=False) == "fail"

    def test_a_few_failures_in_the_baseline_widen_the_interval(self) -> None:
        before = baseline(*(run_of(drawn(seed).samples["ttft"], failed=2) for seed in range(3)))
        change = changed([drawn(9)], before, "p99")
        assert change.interval is not None
        assert change.interval[0] == -1

    def test_a_figure_of_zero_now_is_a_change_like_others(self) -> None:
        before = baseline(run_of(np.ones(100), failure_rate=0.2), run_of(np.ones(100), failure_rate=0.1))
        change = changed([run_of(np.ones(100), failure_rate=0.0)], before, None, "failure_rate")
        assert change.change == -1

    def test_nothing_measured_now_is_no_difference(self) -> None:
        assert difference([run_of([])], baseline(drawn(1)), "ttft", "avg") is None
        assert difference([drawn(1), run_of([])], baseline(drawn(1)), "ttft", "avg") is None
        assert difference([], baseline(drawn(1)), "ttft", "avg") is None

    def test_a_gate_is_judged_in_no_time(self) -> None:
        rng = np.random.default_rng(0)
        runs = [
            StageRun({"itl": tuple(rng.random(200) for _ in range(300))}, {"total_requests": 300})
            for _ in range(7)
        ]
        started = time.process_time()
        difference(runs[:2], baseline(*runs[2:]), "itl", "p99")
        assert time.process_time() - started < 3.0  # it is a tenth of a second on an idle machine


class TestBaselineThatCannotBeUsed:
    @pytest.mark.parametrize(
        ("runs", "statistic", "message"),
        [
            ([run_of([])], "avg", r"ttft\.avg was not measured in 1 of its 1 runs; save the baseline again"),
            ([drawn(1), run_of([])], "avg", r"was not measured in 1 of its 2 runs"),
            ([run_of(np.zeros(100))], "avg", r"ttft\.avg is 0, and nothing is a share of that"),
            ([run_of(np.ones(290), failed=10)], "p99", r"ttft\.p99 is infinite, because too many requests"),
            ([drawn(1, n=298)], "p99", r"rests on 298 requests, .* it needs 299; save more or longer runs"),
            ([drawn(1, n=49)], "avg", r"rests on 49 requests, .* it needs 50"),
        ],
    )
    def test_is_an_error_that_names_it(self, runs: list[StageRun], statistic: str, message: str) -> None:
        with pytest.raises(BaselineError, match=rf"^baseline 'main': .*{message}"):
            difference([drawn(5)], baseline(*runs), "ttft", statistic)

    def test_several_short_runs_are_enough_together(self) -> None:
        assert changed([drawn(1)], baseline(drawn(2, n=100), drawn(3, n=100), drawn(4, n=100)), "p99")


class TestJudgement:
    change = Difference(1.2, 1.0, 0.2, (0.05, 0.3), n=300, baseline_n=300, needed_n=299)

    def judged(self, *, confirmed: bool = False, higher_is_worse: bool = True, **fields: object) -> str:
        change = replace(self.change, **fields)  # type: ignore[arg-type]
        return judge_change(change, allowed=0.1, higher_is_worse=higher_is_worse, confirmed=confirmed)

    def test_past_the_bound_and_no_change_excluded_fails(self) -> None:
        assert self.judged() == "fail"
        assert self.judged(confirmed=True) == "fail"

    @pytest.mark.parametrize("interval", [(-0.01, 0.4), (0.0, 0.4), None])
    def test_past_the_bound_but_maybe_no_change_is_measured_again(
        self, interval: tuple[float, float] | None
    ) -> None:
        assert self.judged(interval=interval) == "measure again"
        assert self.judged(interval=interval, confirmed=True) == "inconclusive"

    @pytest.mark.parametrize("change", [0.1, 0.0, -0.5])
    def test_within_the_bound_passes_whatever_the_interval(self, change: float) -> None:
        assert self.judged(change=change) == "pass"
        assert self.judged(change=change, interval=None) == "pass"

    def test_what_is_better_higher_fails_lower(self) -> None:
        assert self.judged(higher_is_worse=False) == "pass"
        assert self.judged(higher_is_worse=False, change=-0.2, interval=(-0.3, -0.1)) == "fail"
        assert self.judged(higher_is_worse=False, change=-0.2, interval=(-0.4, 0.01)) == "measure again"

    def test_the_end_of_the_interval_need_not_be_past_the_bound(self) -> None:
        assert self.judged(change=0.11, interval=(0.02, 0.2)) == "fail"

    @pytest.mark.parametrize(
        ("change", "interval", "outcome"),
        [
            (-0.06, (-0.2, 0.1), "pass"),
            (-0.04, (-0.045, -0.035), "fail"),
            (-0.04, (-0.06, -0.02), "inconclusive"),
            (0.0, (-0.01, 0.01), "fail"),
        ],
    )
    def test_an_improvement_can_be_asked_for(
        self, change: float, interval: tuple[float, float], outcome: str
    ) -> None:
        measured = replace(self.change, change=change, interval=interval)
        assert judge_change(measured, allowed=-0.05, higher_is_worse=True, confirmed=True) == outcome

    def test_a_change_below_the_least_effect_never_fails(self) -> None:
        def judged(change: float) -> str:
            sure = replace(self.change, change=change, interval=(change - 1e-4, change + 1e-4))
            return judge_change(sure, allowed=0.0, higher_is_worse=True, confirmed=True)

        assert judged(0.01) == "pass"
        assert judged(0.011) == "fail"
