from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from pytest_npuperf.metrics import summarize
from pytest_npuperf.slo import (
    Evidence,
    StageEvidence,
    Verdict,
    implied_budgets,
    judge,
    parse_budget,
    run_of_stage,
)
from pytest_npuperf.trace import Trace

GOOD = {"sent": 0, "chunks": [100, 110], "end": 140}
FAILED = {"sent": 0, "end": 500, "error": "timeout_total"}
CANCELLED = FAILED | {"error": "cancelled"}

Load = Sequence[dict[str, Any]]


@pytest.fixture
def implied(build_trace: Callable[..., Trace]) -> Callable[..., list[str]]:
    """What is implied beside the given budgets where the given requests were sent."""

    def find(load: Load, *expressions: str) -> list[str]:
        summary = summarize(build_trace(*load), max_concurrency=1)
        budgets = implied_budgets([parse_budget(text) for text in expressions], summary)
        assert all(budget.implied for budget in budgets)
        return [budget.expression for budget in budgets]

    return find


@pytest.fixture
def judge_implied(build_trace: Callable[..., Trace]) -> Callable[[Load], list[Verdict]]:
    """The verdicts of what is implied for a case without budgets."""

    def judged(load: Load) -> list[Verdict]:
        trace = build_trace(*load)
        summary = summarize(trace, max_concurrency=1)
        run = run_of_stage(trace, summary)
        return judge(implied_budgets([], summary), Evidence({"total": StageEvidence(run, (run,))}))

    return judged


Implied = Callable[..., list[str]]
JudgeImplied = Callable[[Load], list[Verdict]]


def test_no_request_may_fail_where_no_budget_speaks_of_failures(implied: Implied) -> None:
    assert implied([GOOD, FAILED]) == ["failed_requests == 0"]
    assert implied([GOOD, FAILED], "ttft.p99 < 1 s", "total_requests == 3") == ["failed_requests == 0"]


@pytest.mark.parametrize(
    "expression", ["failed_requests <= 3", "failure_rate < 50 %", "success_requests >= 2"]
)
def test_nothing_is_implied_where_a_budget_speaks_of_failures(implied: Implied, expression: str) -> None:
    assert implied([GOOD, FAILED], "ttft.p99 < 1 s", expression) == []


def test_a_budget_of_one_stage_does_not_speak_of_the_failures_of_the_others(implied: Implied) -> None:
    assert implied([GOOD, FAILED], "steady.failed_requests <= 3") == ["failed_requests == 0"]


def test_one_success_is_implied_where_all_failed_whatever_the_budgets_allow(implied: Implied) -> None:
    assert implied([FAILED], "failure_rate <= 100 %") == ["success_requests > 0"]
    assert implied([FAILED]) == ["failed_requests == 0", "success_requests > 0"]


def test_one_success_is_implied_where_none_was_sent(implied: Implied) -> None:
    assert implied([], "failed_requests == 0") == ["success_requests > 0"]


@pytest.mark.parametrize(
    "load", [[GOOD, FAILED], [FAILED], []], ids=["one failed", "all failed", "none sent"]
)
def test_implied_budgets_fail_every_load_with_a_failure_or_without_a_success(
    judge_implied: JudgeImplied, load: Load
) -> None:
    assert "fail" in [given.outcome for given in judge_implied(load)]


@pytest.mark.parametrize("load", [[GOOD, GOOD], [GOOD, CANCELLED]], ids=["succeeded", "one cancelled"])
def test_implied_budgets_hold_where_no_request_failed(judge_implied: JudgeImplied, load: Load) -> None:
    (given,) = judge_implied(load)

    assert (given.budget.expression, given.measured, given.outcome) == ("failed_requests == 0", 0, "pass")


def test_written_budgets_are_not_marked_as_implied() -> None:
    assert not parse_budget("failed_requests == 0").implied
