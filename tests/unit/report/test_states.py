from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pytest_npuperf.report.states import case_state, failure_of, outcome_of
from pytest_npuperf.result import OTHER_SIDE, CaseResult
from pytest_npuperf.slo import Verdict, parse_budget

Results = Callable[..., CaseResult]


def verdict(outcome: Any, **fields: Any) -> Verdict:
    return Verdict(budget=parse_budget("ttft.p99 < 1 s"), measured=None, n=0, outcome=outcome, **fields)


def test_a_failed_item_is_failed_whatever_else_is_said_of_its_case(make_result: Results) -> None:
    result = make_result("a", stopped=True)
    assert (outcome_of(result, {}), case_state(result, {})) == ("stopped", "stopped")
    assert case_state(result, {result.nodeid: "failed"}) == "failed"


@pytest.mark.parametrize("state", ["inconclusive", "no baseline"])
def test_a_pass_that_rests_on_an_open_verdict_is_that(make_result: Results, state: str) -> None:
    result = make_result("a", verdicts=[verdict("pass"), verdict(state)])
    assert (outcome_of(result, {}), case_state(result, {})) == ("passed", state)


def test_a_stands_by_its_own_verdicts(make_result: Results) -> None:
    nodeid = "npuperf.yaml::chat"
    a = make_result(f"chat{OTHER_SIDE}", nodeid=nodeid, in_pairs=True, verdicts=[verdict("pass")])
    b = make_result("chat", nodeid=nodeid, in_pairs=True)
    outcomes, failures = {nodeid: "failed"}, {nodeid: "broken"}
    assert [case_state(one, outcomes) for one in (a, b)] == ["passed", "failed"]
    assert [failure_of(one, outcomes, failures) for one in (a, b)] == ["", "broken"]
    for flaw in ({"verdicts": [verdict("fail")]}, {"aborted": "lost"}, {"not_measured": "late"}, {"sent": 9}):
        assert case_state(replace(a, **flaw), outcomes) == "failed"


def test_a_case_that_is_called_like_a_is_a_case_like_any_other(make_result: Results) -> None:
    result = make_result(f"chat{OTHER_SIDE}", verdicts=[verdict("pass")])
    assert case_state(result, {result.nodeid: "failed"}) == "failed"


def test_what_passed_has_no_failure(make_result: Results) -> None:
    result = make_result("a")
    assert failure_of(result, {}, {result.nodeid: "why"}) == ""
    assert failure_of(result, {result.nodeid: "error"}, {result.nodeid: "why"}) == "why"
