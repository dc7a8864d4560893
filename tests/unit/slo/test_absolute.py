from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pytest_npuperf.slo import Evidence, Judging, StageEvidence, StageRun, Verdict, judge, parse_budget


def run_of(n: int = 300, *, failed: int = 0, **totals: float) -> StageRun:
    """TTFT of 1, 2, ... n ms; an ITL of as much."""
    ttft = np.arange(1, n + 1) / 1000
    counts = {"total_requests": n + failed, "failed_requests": failed, "success_requests": n}
    return StageRun({"ttft": ttft, "itl": tuple(ttft[:, None])}, counts | totals)


def judged(
    expression: str,
    run: StageRun,
    *,
    measurements: int = 1,
    judging: Judging | None = None,
    require_support: bool = False,
) -> Verdict:
    budget = replace(parse_budget(expression), require_support=require_support)
    stage = StageEvidence(run, (run,) * measurements)
    (verdict,) = judge([budget], Evidence({"total": stage}, judging=judging or Judging()))
    return verdict


def look(verdict: Verdict) -> tuple[str, bool, bool]:
    return verdict.outcome, verdict.close, verdict.unsettled


# P99 of 1 to 300 ms is 297.01 ms; its one-sided bounds are the 294th and the 300th value
@pytest.mark.parametrize(
    ("bound", "expected"),
    [
        (301, ("pass", False, False)),
        (299, ("pass", True, False)),
        (298, ("pass", True, False)),
        (297, ("fail", True, True)),
        (295, ("fail", True, True)),
        (293, ("fail", False, False)),
    ],
)
def test_an_upper_bound_is_judged_by_the_estimate_and_settled_by_its_interval(
    bound: int, expected: tuple[str, bool, bool]
) -> None:
    verdict = judged(f"ttft.p99 <= {bound} ms", run_of())

    assert look(verdict) == expected
    assert (verdict.low, verdict.high, verdict.needed_n) == (0.294, 0.300, None)


@pytest.mark.parametrize(
    ("bound", "expected"),
    [
        (293, ("pass", False, False)),
        (295, ("pass", True, False)),
        (298, ("fail", True, True)),
        (301, ("fail", False, False)),
    ],
)
def test_a_lower_bound_is_judged_from_the_other_side(bound: int, expected: tuple[str, bool, bool]) -> None:
    assert look(judged(f"ttft.p99 >= {bound} ms", run_of())) == expected


def test_a_bound_that_is_met_at_an_end_of_the_interval_is_judged_by_its_comparison() -> None:
    assert not judged("ttft.p99 <= 300 ms", run_of()).close
    assert judged("ttft.p99 < 300 ms", run_of()).close


def test_what_was_measured_again_is_settled_by_all_data() -> None:
    assert look(judged("ttft.p99 < 297 ms", run_of(), measurements=2)) == ("fail", True, False)


def test_all_measurements_are_judged_together() -> None:
    slow, fast = (StageRun({"ttft": np.full(300, value)}, {}) for value in (0.3, 0.1))
    pooled = StageRun({"ttft": np.repeat([0.3, 0.1], 300)}, {})
    evidence = Evidence({"total": StageEvidence(pooled, (slow, fast))})

    (verdict,) = judge([parse_budget("ttft.avg <= 250 ms")], evidence)

    assert (verdict.outcome, verdict.n, verdict.measured) == ("pass", 600, pytest.approx(0.2))


@pytest.mark.parametrize(
    "expression", ["ttft.max < 299 ms", "ttft.min > 2 ms", "failed_requests < 0", "total_requests > 300"]
)
def test_a_figure_without_an_interval_just_fails(expression: str) -> None:
    verdict = judged(expression, run_of())

    assert look(verdict) == ("fail", False, False)
    assert (verdict.low, verdict.high, verdict.needed_n) == (None, None, None)


def test_equality_knows_no_closeness() -> None:
    assert look(judged("ttft.median == 150.5 ms", run_of())) == ("pass", False, False)
    assert look(judged("ttft.median == 150 ms", run_of())) == ("fail", False, False)


def test_failed_requests_make_the_upper_bound_infinite() -> None:
    verdict = judged("ttft.p99 < 298 ms", run_of(299, failed=1))

    assert (verdict.outcome, verdict.close, verdict.high) == ("pass", True, float("inf"))
    assert verdict.of_successes == pytest.approx(0.29602)


@pytest.mark.parametrize(
    ("expression", "n", "needed"),
    [
        ("ttft.p99 < 1 s", 298, 299),
        ("ttft.p90 < 1 s", 28, 29),
        ("ttft.avg < 1 s", 49, 50),
        ("itl.avg < 1 s", 49, 50),
        ("itl.p99 < 1 s", 298, 299),
        ("ttft.p99 > 0 s", 200, 299),
    ],
)
def test_too_few_requests_do_not_fail_an_estimate_that_holds(expression: str, n: int, needed: int) -> None:
    verdict = judged(expression, run_of(n))

    assert look(verdict) == ("pass", False, False)
    assert (verdict.n, verdict.needed_n) == (n, needed)
    assert judged(expression, run_of(needed)).needed_n is None


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("ttft.p99 < 198 ms", ("fail", True, True)),  # the lower bound is 195 ms; there is no upper one
        ("ttft.p99 < 195 ms", ("fail", False, False)),
        ("ttft.p1 < 2 ms", ("fail", True, True)),  # there is no lower bound
    ],
)
def test_a_figure_of_too_few_requests_fails_for_certain_where_its_one_bound_does(
    expression: str, expected: tuple[str, bool, bool]
) -> None:
    verdict = judged(expression, run_of(200))

    assert look(verdict) == expected
    assert verdict.needed_n == 299


def test_a_figure_of_too_few_requests_without_any_bound_is_measured_again() -> None:
    assert look(judged("ttft.avg < 20 ms", run_of(40))) == ("fail", False, True)
    assert look(judged("ttft.avg < 20 ms", run_of(40), measurements=2)) == ("fail", False, False)


def test_a_rate_of_too_few_requests_is_unsupported() -> None:
    verdict = judged("request_throughput >= 4 req/s", run_of(40, request_throughput=5.0))

    assert (verdict.outcome, verdict.needed_n) == ("pass", 50)


class TestRequiredSupport:
    def judged(self, n: int, expression: str = "ttft.p99 < 1 s", **options: object) -> Verdict:
        return judged(expression, run_of(n), require_support=True, **options)  # type: ignore[arg-type]

    def test_too_few_requests_are_inconclusive_and_fail_the_test(self) -> None:
        verdict = self.judged(100)

        assert (verdict.outcome, verdict.n, verdict.needed_n) == ("inconclusive", 100, 299)
        assert verdict.reason == (
            "it would hold, but rests on 100 requests, and only 299 tell how sure it is: measure more of them"
        )
        assert verdict.consequence == "fail"

    def test_enough_requests_pass(self) -> None:
        assert self.judged(299).outcome == "pass"

    def test_it_is_measured_again_where_as_many_requests_more_are_enough(self) -> None:
        assert [self.judged(n).unsettled for n in (149, 150)] == [False, True]
        assert not self.judged(150, measurements=2).unsettled

    def test_what_does_not_hold_fails_as_ever(self) -> None:
        verdict = self.judged(100, "ttft.p99 < 50 ms")

        assert (verdict.outcome, verdict.needed_n) == ("fail", 299)

    def test_figures_without_an_interval_need_none(self) -> None:
        assert self.judged(3, "ttft.max < 1 s").outcome == "pass"
        assert self.judged(3, "failed_requests == 0").outcome == "pass"

    @pytest.mark.parametrize("mode", ["fail", "warn", "skip"])
    def test_what_becomes_of_the_test_can_be_said(self, mode: str) -> None:
        judging = Judging(on_inconclusive=mode)  # type: ignore[arg-type]

        assert self.judged(100, judging=judging).consequence == mode
