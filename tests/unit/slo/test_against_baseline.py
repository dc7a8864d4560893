from __future__ import annotations

from dataclasses import replace
from math import inf

import numpy as np
import pytest

from pytest_npuperf.errors import BaselineError, NoBaselineError
from pytest_npuperf.slo import (
    Evidence,
    Judging,
    Reference,
    StageEvidence,
    StageRun,
    Verdict,
    judge,
    parse_budget,
)
from pytest_npuperf.slo.against_baseline import why_it_cannot_hold
from pytest_npuperf.slo.noise import noise_floor


def run_of(seed: int, factor: float = 1.0, *, n: int = 300, failed: int = 0, **totals: float) -> StageRun:
    """Lognormal TTFT about 200 ms."""
    ttft = 0.2 * factor * np.exp(0.3 * np.random.default_rng(seed).standard_normal(n))
    counts = {"total_requests": n + failed, "failed_requests": failed}
    return StageRun({"ttft": ttft, "e2el": 10 * ttft}, counts | totals)


def steady(value: float, **totals: float) -> StageRun:
    """Every TTFT the same: nothing to be unsure of."""
    return StageRun({"ttft": np.full(300, value)}, {"total_requests": 300, "failed_requests": 0} | totals)


def judged(
    expression: str,
    *current: StageRun,
    baseline: tuple[StageRun, ...] = (steady(0.2),),
    mismatches: tuple[str, ...] = (),
    require_support: bool = False,
    error: BaselineError | None = None,
    **judging: str,
) -> Verdict:
    """The verdict on some measurements; ``error`` is what looking for the baseline raises."""

    def find(name: str | None, stage: str) -> Reference:
        if error is not None:
            raise error
        return Reference(f"{name or 'main'} ({stage})", baseline, mismatches)

    budget = replace(parse_budget(expression), require_support=require_support)
    stages = {budget.stage: StageEvidence(current[0], current)}
    evidence = Evidence(stages, judging=Judging(find, **judging))  # type: ignore[arg-type]
    (verdict,) = judge([budget], evidence)
    return verdict


def foreseen(
    expression: str,
    *,
    baseline: tuple[StageRun, ...] = (steady(0.2),),
    mismatches: tuple[str, ...] = (),
    error: BaselineError | None = None,
    **judging: str,
) -> str:
    """Why a budget would fail whatever is measured."""

    def find(name: str | None, stage: str) -> Reference:
        if error is not None:
            raise error
        return Reference(f"{name or 'main'} ({stage})", baseline, mismatches)

    return why_it_cannot_hold(parse_budget(expression), Judging(find, **judging))  # type: ignore[arg-type]


class TestForeseen:
    def test_nothing_where_the_baseline_can_be_compared_with(self) -> None:
        assert foreseen("ttft.avg <= baseline + 10 %") == ""
        assert foreseen("ttft.max <= baseline(old) + noise", baseline=tuple(map(run_of, range(3)))) == ""

    @pytest.mark.parametrize(
        ("expression", "baseline", "reason"),
        [
            ("ttft.p99 <= baseline", (run_of(1, n=60),), "rests on 60 requests, too few"),
            ("ttft.avg <= baseline + noise", (run_of(1), run_of(2)), "takes 3 runs"),
            ("tpot.avg <= baseline", (run_of(1),), "was not measured in 1 of its 1 runs"),
            ("ttft.p50 <= baseline", (run_of(1, failed=400),), "is infinite"),
        ],
    )
    def test_a_figure_that_the_baseline_does_not_have(
        self, expression: str, baseline: tuple[StageRun, ...], reason: str
    ) -> None:
        found = foreseen(expression, baseline=baseline)
        assert reason in found
        verdict = judged(expression, run_of(9), baseline=baseline)
        assert (verdict.outcome, verdict.reason) in (("fail", found), ("fail", "")), "as it would be judged"

    def test_a_baseline_that_is_damaged(self) -> None:
        assert foreseen("ttft.avg <= baseline", error=BaselineError("damaged")) == "damaged"

    @pytest.mark.parametrize(("mode", "reason"), [("fail", "gone"), ("warn", ""), ("skip", ""), (None, "")])
    def test_a_missing_one_only_where_that_fails(self, mode: str | None, reason: str) -> None:
        given = {} if mode is None else {"on_inconclusive": mode}
        assert foreseen("ttft.avg <= baseline", error=NoBaselineError("gone"), **given) == reason

    @pytest.mark.parametrize(
        ("mode", "reason"),
        [
            ("fail", "baseline 'main (total)' was measured with something else: requests: 9, in the b"),
            ("warn", ""),
            ("skip", ""),
        ],
    )
    def test_a_mismatch_only_where_that_fails(self, mode: str, reason: str) -> None:
        found = foreseen(
            "ttft.avg <= baseline", mismatches=("requests: 9, in the baseline 8",), on_mismatch=mode
        )
        assert found.startswith(reason) if reason else found == ""


class TestOutcome:
    def test_within_the_bound_passes(self) -> None:
        verdict = judged("ttft.avg <= baseline + 10 %", steady(0.21))

        assert (verdict.outcome, verdict.close, verdict.unsettled, verdict.reason) == (
            "pass",
            False,
            False,
            "",
        )
        assert verdict.measured == pytest.approx(0.21)
        assert verdict.baseline == pytest.approx(0.2)
        assert verdict.bound == pytest.approx(0.22)
        assert verdict.n == 300

    def test_past_the_bound_and_no_change_excluded_fails(self) -> None:
        verdict = judged("ttft.avg <= baseline + 10 %", run_of(1, 1.3), baseline=(run_of(2),))

        assert (verdict.outcome, verdict.unsettled) == ("fail", False)
        assert verdict.baseline is not None
        assert verdict.low is not None
        assert verdict.high is not None
        assert verdict.baseline < verdict.low < 0.26 < verdict.high < 0.30

    def test_past_the_bound_but_maybe_no_change_is_inconclusive_and_measured_again(self) -> None:
        # the extreme of one run shows nothing of how extremes spread
        verdict = judged("ttft.max <= baseline + 10 %", steady(0.3))

        assert (verdict.outcome, verdict.unsettled, verdict.consequence) == ("inconclusive", True, "warn")
        assert verdict.reason == (
            "baseline 'main (total)' has one run, and requests do not show how far this figure spreads: "
            "save more runs"
        )

    def test_what_was_measured_again_is_settled(self) -> None:
        verdict = judged("ttft.max <= baseline + 10 %", steady(0.3), steady(0.3))

        assert (verdict.outcome, verdict.unsettled) == ("inconclusive", False)

    def test_runs_are_averaged_not_pooled(self) -> None:
        slow, fast = steady(0.30), StageRun({"ttft": np.full(900, 0.2)}, {"total_requests": 900})
        verdict = judged("ttft.avg <= baseline + 30 %", slow, fast)

        assert (verdict.measured, verdict.n) == (pytest.approx(0.25), 1200)

    def test_the_reason_of_what_is_inconclusive_has_the_change_and_its_interval(self) -> None:
        verdict = judged(
            "ttft.p90 <= baseline", run_of(1, 1.08, n=60), run_of(3, 1.08, n=60), baseline=(run_of(2, n=60),)
        )

        assert verdict.outcome == "inconclusive"
        assert verdict.reason.startswith("its change of +")
        assert verdict.reason.endswith(") does not exclude no change")

    @pytest.mark.parametrize(
        ("expression", "throughput", "outcome"),
        [
            ("output_token_throughput >= baseline - 5 %", 96.0, "pass"),
            ("output_token_throughput >= baseline - 5 %", 90.0, "fail"),
            ("output_token_throughput >= baseline + 10 %", 105.0, "fail"),
            ("output_token_throughput >= baseline + 10 %", 111.0, "pass"),
            ("output_token_throughput <= baseline + 10 %", 111.0, "fail"),
        ],
    )
    def test_the_comparison_says_which_side_is_worse(
        self, expression: str, throughput: float, outcome: str
    ) -> None:
        def run(rate: float) -> StageRun:
            # as many tokens a second in every request
            times = np.linspace(1, 2, 300)
            totals = {"total_requests": 300, "output_token_throughput": rate}
            return StageRun({"e2el": times, "output_tokens": rate * times}, totals)

        assert judged(expression, run(throughput), baseline=(run(100.0),)).outcome == outcome

    def test_an_improvement_can_be_asked_for(self) -> None:
        assert judged("ttft.avg <= baseline - 20 %", steady(0.15)).outcome == "pass"
        verdict = judged("ttft.avg <= baseline - 20 %", steady(0.17))
        assert (verdict.outcome, verdict.bound) == ("fail", pytest.approx(0.16))

    def test_what_is_not_a_change_passes_and_says_so(self) -> None:
        verdict = judged("ttft.avg <= baseline", steady(0.2019))

        assert verdict.outcome == "pass"
        assert verdict.reason == "past the bound, but a change of 1 % or less is taken for none"

    def test_it_is_close_where_the_bound_lies_within_the_interval(self) -> None:
        def is_close(margin: int) -> bool:
            expression = f"ttft.avg <= baseline + {margin} %"
            return judged(expression, run_of(1, 1.02), baseline=(run_of(1),)).close

        assert is_close(3)
        assert not is_close(30)

    def test_failed_requests_are_infinitely_slow(self) -> None:
        verdict = judged("ttft.p99 <= baseline + 10 %", run_of(1, failed=30), baseline=(run_of(2),))

        assert (verdict.outcome, verdict.measured) == ("fail", inf)
        assert verdict.of_successes == pytest.approx(np.percentile(run_of(1).samples["ttft"], 99))

    def test_the_figure_of_successes_is_left_out_where_it_is_the_same(self) -> None:
        verdict = judged("ttft.p99 <= baseline + 50 %", run_of(1), run_of(3), baseline=(run_of(2),))

        assert verdict.of_successes is None

    def test_what_was_not_measured_every_time_fails(self) -> None:
        verdict = judged("ttft.avg <= baseline", steady(0.2), StageRun({"ttft": np.empty(0)}, {}))

        assert verdict.outcome == "fail"
        assert verdict.reason == (
            "ttft.avg was not measured in each of the 2 measurements: measure the case again"
        )

    def test_the_named_baseline_of_the_stage_is_looked_for(self) -> None:
        verdict = judged("steady.ttft.max <= baseline(release-1.2)", steady(0.3))

        assert "baseline 'release-1.2 (steady)'" in verdict.reason


class TestBaseline:
    def test_a_missing_one_is_an_outcome_of_its_own(self) -> None:
        verdict = judged("ttft.avg <= baseline", steady(0.3), error=NoBaselineError("there is none"))

        assert (verdict.outcome, verdict.reason, verdict.consequence) == (
            "no baseline",
            "there is none",
            "warn",
        )
        assert (verdict.measured, verdict.n, verdict.bound, verdict.unsettled) == (
            pytest.approx(0.3),
            300,
            None,
            False,
        )

    def test_of_a_run_that_was_told_of_none_it_says_what_to_do(self) -> None:
        evidence = Evidence({"total": StageEvidence(steady(0.2), (steady(0.2),))})
        (verdict,) = judge([parse_budget("ttft.avg <= baseline")], evidence)

        assert verdict.outcome == "no baseline"
        assert "--npuperf-baseline=NAME" in verdict.reason

    def test_one_that_cannot_be_read_fails(self) -> None:
        verdict = judged("ttft.avg <= baseline", steady(0.1), error=BaselineError("it is damaged"))

        assert (verdict.outcome, verdict.reason) == ("fail", "it is damaged")

    def test_one_whose_figure_is_nothing_to_compare_with_fails(self) -> None:
        verdict = judged("ttft.avg <= baseline", steady(0.1), baseline=(steady(0.0),))

        assert verdict.outcome == "fail"
        assert "ttft.avg is 0, and nothing is a share of that" in verdict.reason


class TestMismatch:
    differs = ("accelerator: 910B4, in the baseline 910B3", "cann: 8.1, in the baseline 8.0")

    def judged(self, mode: str, **options: str) -> Verdict:
        return judged(
            "ttft.avg <= baseline", steady(0.1), mismatches=self.differs, on_mismatch=mode, **options
        )

    def test_warns(self) -> None:
        verdict = self.judged("warn")

        assert (verdict.outcome, verdict.mismatches, verdict.reason) == ("pass", self.differs, "")

    def test_fails(self) -> None:
        verdict = self.judged("fail")

        assert (verdict.outcome, verdict.measured, verdict.bound) == ("fail", pytest.approx(0.1), None)
        assert verdict.reason == (
            "baseline 'main (total)' was measured with something else: "
            "accelerator: 910B4, in the baseline 910B3; cann: 8.1, in the baseline 8.0"
        )

    def test_skips(self) -> None:
        verdict = self.judged("skip")

        assert (verdict.outcome, verdict.consequence) == ("no baseline", "skip")
        assert "910B4" in verdict.reason

    def test_skips_also_where_other_open_outcomes_fail(self) -> None:
        assert self.judged("skip", on_inconclusive="fail").consequence == "skip"


class TestNoise:
    def test_the_larger_of_both_is_allowed(self) -> None:
        def bound(expression: str) -> float | None:
            return judged(expression, steady(0.2), baseline=runs).bound

        runs = (steady(0.196), steady(0.2), steady(0.204))
        floor = noise_floor(runs, "ttft", "avg")
        assert floor == pytest.approx(0.0674, abs=0.001)
        assert bound("ttft.avg <= baseline + max(5 %, noise)") == pytest.approx(0.2 * (1 + floor))
        assert bound("ttft.avg <= baseline + max(10 %, noise)") == pytest.approx(0.22)
        assert bound("ttft.avg <= baseline + noise") == pytest.approx(0.2 * (1 + floor))
        assert bound("ttft.avg >= baseline - max(5 %, noise)") == pytest.approx(0.2 * (1 - floor))
        assert bound("ttft.p80 <= baseline + noise") == pytest.approx(0.2 * (1 + floor)), "of any figure"

    def test_a_noise_floor_that_leaves_nothing_fails_and_says_so(self) -> None:
        runs = tuple(steady(0.2, request_throughput=rate) for rate in (60.0, 100.0, 140.0))
        verdict = judged(
            "request_throughput >= baseline - noise", steady(0.2, request_throughput=1.0), baseline=runs
        )

        assert verdict.outcome == "fail"
        assert "a noise floor of 134% for request_throughput" in verdict.reason

    def test_without_a_noise_floor_it_fails_and_says_what_it_takes(self) -> None:
        verdict = judged("ttft.avg <= baseline + max(5 %, noise)", steady(0.1))

        assert (verdict.outcome, verdict.bound) == ("fail", None)
        assert verdict.reason == (
            "baseline 'main (total)' has no noise floor of ttft.avg: it takes 3 runs of the same case "
            "that measured it as more than 0, and has 1; measure them with `npuperf noise`, "
            "or write the margin as a number"
        )


class TestSupport:
    def test_too_few_requests_do_not_fail_a_change_that_is_within_the_bound(self) -> None:
        verdict = judged("ttft.p99 <= baseline + 50 %", run_of(1, n=200), baseline=(run_of(2),))

        assert (verdict.outcome, verdict.n, verdict.needed_n) == ("pass", 200, 299)
        assert (verdict.low, verdict.high) == (None, None)

    def test_they_are_measured_again_where_it_is_past_it(self) -> None:
        verdict = judged("ttft.p99 <= baseline + 10 %", run_of(1, 2.0, n=200), baseline=(run_of(2),))

        assert (verdict.outcome, verdict.unsettled, verdict.needed_n) == ("inconclusive", True, 299)
        assert verdict.reason == "it rests on 200 requests, and only 299 tell whether it is chance"

    def test_required_support_makes_them_inconclusive(self) -> None:
        budget = "ttft.p99 <= baseline + 50 %"
        verdict = judged(budget, run_of(1, n=200), baseline=(run_of(2),), require_support=True)

        assert (verdict.outcome, verdict.unsettled, verdict.consequence) == ("inconclusive", True, "fail")


@pytest.mark.parametrize("mode", ["fail", "warn", "skip"])
def test_what_becomes_of_a_test_by_an_open_outcome_can_be_said(mode: str) -> None:
    missing = judged("ttft.avg <= baseline", steady(1), error=NoBaselineError(""), on_inconclusive=mode)
    unknown = judged("ttft.max <= baseline", steady(1), on_inconclusive=mode)

    assert (missing.outcome, missing.consequence) == ("no baseline", mode)
    assert (unknown.outcome, unknown.consequence) == ("inconclusive", mode)
