from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pytest_npuperf.capacity import End, Exploration, Search
from pytest_npuperf.errors import BudgetError
from pytest_npuperf.failing import BudgetsBroken, require
from pytest_npuperf.metrics import ClientHealth, summarize, turn_stages
from pytest_npuperf.result import CaseResult
from pytest_npuperf.slo import parse_budget
from pytest_npuperf.trace import UNKNOWN, Trace

GOOD = {"sent": 1000, "chunks": [1100, 1110], "end": 1200, "input_tokens": 8, "turn": 0, "conversation": 0}
FAILED = {"sent": 1050, "scheduled": 1040, "end": 1300, "error": "timeout_total", "output_tokens": UNKNOWN}


@pytest.fixture
def make_result(build_trace: Callable[..., Trace], healthy: ClientHealth) -> Callable[..., CaseResult]:
    def make(*requests: dict[str, Any]) -> CaseResult:
        trace = build_trace(*requests)
        return CaseResult(
            name="chat",
            nodeid="npuperf.yaml::chat",
            settings={},
            started="2025-06-05T20:22:20+00:00",
            stopped=False,
            trace=trace,
            summary=summarize(trace, max_concurrency=1),
            health=healthy,
        )

    return make


@pytest.fixture
def result(make_result: Callable[..., CaseResult]) -> CaseResult:
    return make_result(GOOD, FAILED)


def outcomes(result: CaseResult) -> dict[str, str]:
    return {verdict.budget.expression: verdict.outcome for verdict in result.verdicts}


def test_check_passes_where_every_budget_holds(result: CaseResult) -> None:
    result.check("ttft.avg < 200 ms", "failed_requests <= 1")

    assert outcomes(result) == {"ttft.avg < 200 ms": "pass", "failed_requests <= 1": "pass"}


def test_check_fails_with_the_verdict_of_every_budget_it_was_given(result: CaseResult) -> None:
    with pytest.raises(BudgetsBroken, match=r"^broken: ttft\.p99 < 50 ms, e2el\.max < 1 ms$") as caught:
        result.check("ttft.p99 < 50 ms", "ttft.avg < 200 ms", "e2el.max < 1 ms")

    assert [verdict.outcome for verdict in caught.value.verdicts] == ["fail", "pass", "fail"]


def test_broken_budgets_are_an_assertion_error(result: CaseResult) -> None:
    with pytest.raises(AssertionError):
        result.check("ttft.p99 < 50 ms")


def test_check_judges_nothing_where_an_expression_is_not_valid(result: CaseResult) -> None:
    with pytest.raises(BudgetError, match="unknown metric 'tftt'"):
        result.check("ttft.p99 < 50 ms", "tftt.p99 < 50 ms")

    assert result.verdicts == []


def test_check_fails_for_its_own_budgets_only(result: CaseResult) -> None:
    result.judge([parse_budget("ttft.p99 < 50 ms")])

    result.check("ttft.avg < 200 ms")

    assert outcomes(result) == {"ttft.p99 < 50 ms": "fail", "ttft.avg < 200 ms": "pass"}


def test_judge_keeps_verdicts_and_raises_nothing(result: CaseResult) -> None:
    verdicts = result.judge([parse_budget("ttft.p99 < 50 ms")])

    assert [verdict.outcome for verdict in verdicts] == ["fail"]
    assert result.verdicts == verdicts


def test_verdict_that_is_given_again_is_kept_once(result: CaseResult) -> None:
    result.check("ttft.avg < 200 ms")
    result.check("ttft.avg < 200 ms", "ttft.avg < 200 ms")

    assert len(result.verdicts) == 1


def test_failed_request_breaks_what_is_implied(result: CaseResult) -> None:
    result.check("ttft.avg < 200 ms")

    (verdict,) = result.judge_implied()

    assert verdict.budget.implied
    assert outcomes(result) == {"ttft.avg < 200 ms": "pass", "failed_requests == 0": "fail"}


def test_nothing_is_implied_where_any_check_spoke_of_failures(result: CaseResult) -> None:
    result.check("ttft.avg < 200 ms")
    result.check("failure_rate <= 50 %")

    assert result.judge_implied() == []


def test_check_itself_implies_nothing(result: CaseResult) -> None:
    result.check("ttft.avg < 200 ms")

    assert outcomes(result) == {"ttft.avg < 200 ms": "pass"}


def test_implied_budgets_are_judged_once(result: CaseResult) -> None:
    result.judge_implied()
    result.judge_implied()

    assert [verdict.budget.expression for verdict in result.verdicts] == ["failed_requests == 0"]


@pytest.mark.parametrize(("end", "capacity"), [(End("lowest_broken"), "fail"), (End("edge", 4, 5), "pass")])
def test_search_implies_that_a_load_is_found_and_keeps_its_budgets(
    make_result: Callable[..., CaseResult], end: End, capacity: str
) -> None:
    search = Search("concurrency", (parse_budget("ttft.p99 < 50 ms"), parse_budget("failed_requests <= 1")))
    exploration = Exploration(axis="concurrency", search=search, steps=(), end=end)
    result = replace(make_result(GOOD, FAILED), exploration=exploration)

    verdicts = result.judge_implied()

    assert result.verdicts == verdicts
    assert outcomes(result) == {
        "capacity >= 1": capacity,
        "ttft.p99 < 50 ms": "fail",
        "failed_requests <= 1": "pass",
    }


def test_require_raises_with_all_verdicts_where_one_is_a_failure(result: CaseResult) -> None:
    verdicts = result.judge([parse_budget("ttft.avg < 200 ms"), parse_budget("ttft.p99 < 50 ms")])

    require(verdicts[:1])
    with pytest.raises(BudgetsBroken) as caught:
        require(verdicts)
    assert caught.value.verdicts == verdicts


def test_budgets_are_judged_on_every_stage_there_is(result: CaseResult) -> None:
    staged = replace(
        result, stages=turn_stages(result.trace, max_concurrency=1), no_steady="it was short", verdicts=[]
    )

    staged.check("turn 1.ttft.p99 < 200 ms")
    with pytest.raises(BudgetsBroken) as caught:
        staged.check("steady.ttft.p99 < 200 ms")

    assert [summary.stage for summary in staged.summaries] == ["total", "turn 1"]
    assert caught.value.verdicts[0].reason == "no steady stage: it was short"


@pytest.mark.parametrize(
    ("cached", "expected", "suspect"),
    [(1, False, True), (0, False, False), (UNKNOWN, False, False), (8, True, False)],
)
def test_tokens_cached_unasked_make_a_result_suspect(
    make_result: Callable[..., CaseResult], cached: int, expected: bool, suspect: bool
) -> None:
    result = replace(make_result(GOOD | {"cached_tokens": cached}), cache_expected=expected)

    assert bool(result.suspect) is suspect


def test_the_first_block_of_a_chat_template_may_be_cached(make_result: Callable[..., CaseResult]) -> None:
    result = replace(make_result(GOOD | {"cached_tokens": 5, "input_tokens": 100}), cache_expected=False)

    assert result.suspect == ()


def test_samples_are_in_seconds(result: CaseResult) -> None:
    assert result.ttft.p90 == 0.1
    assert result.e2el.max == 0.2
    assert result.tpot.avg == 0.1
    assert result.itl.median == 0.01


def test_frame_has_a_row_for_each_request_in_seconds(result: CaseResult) -> None:
    good, failed = result.to_frame().to_dict("records")

    assert good == {
        "request_id": "r0",
        "success": True,
        "error": "",
        "start_time": 0.0,
        "ttft": 0.1,
        "e2el": 0.2,
        "tpot": 0.1,
        "input_tokens": 8,
        "output_tokens": 2,
        "output_token_throughput": 10.0,
        "schedule_delay": 0.0,
        "turn": 1,
        "conversation": 0,
        "finish_reason": "length",
    }
    assert (failed["success"], failed["error"]) == (False, "timeout_total")
    assert (failed["start_time"], failed["e2el"], failed["schedule_delay"]) == (0.05, 0.25, 0.01)
    assert math.isnan(failed["ttft"])
    assert math.isnan(failed["turn"])
    assert math.isnan(failed["conversation"])
    assert math.isnan(failed["output_tokens"])


def test_frame_of_a_load_that_sent_nothing_has_no_rows(make_result: Callable[..., CaseResult]) -> None:
    frame = make_result().to_frame()

    assert len(frame) == 0
    assert "ttft" in frame.columns
