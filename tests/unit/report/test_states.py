from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pytest_npuperf.report.states import case_state, failure_of, outcome_of
from pytest_npuperf.result import OTHER_SIDE, CaseResult, RunRecord
from pytest_npuperf.slo import Verdict, parse_budget

Results = Callable[..., CaseResult]
Records = Callable[..., RunRecord]


def verdict(outcome: Any, *, advisory: bool = False) -> Verdict:
    budget = replace(parse_budget("ttft.p99 < 1 s"), advisory=advisory)
    return Verdict(budget=budget, measured=None, n=0, outcome=outcome)


def test_a_failed_item_is_failed_whatever_else_is_said_of_its_case(
    make_result: Results, make_record: Records
) -> None:
    result = make_result("a", stopped=True)
    record = make_record(result)
    assert (outcome_of(result, record), case_state(result, record)) == ("stopped", "stopped")
    assert case_state(result, replace(record, outcomes={result.nodeid: "failed"})) == "failed"


@pytest.mark.parametrize("state", ["inconclusive", "no baseline"])
def test_a_pass_that_rests_on_an_open_verdict_is_that(
    make_result: Results, make_record: Records, state: str
) -> None:
    result = make_result("a", verdicts=[verdict("pass"), verdict(state)])
    record = make_record(result)
    assert (outcome_of(result, record), case_state(result, record)) == ("passed", state)


@pytest.mark.parametrize("outcome", ["inconclusive", "no baseline", "fail"])
def test_an_advisory_verdict_is_no_state_of_its_case(
    make_result: Results, make_record: Records, outcome: str
) -> None:
    result = make_result("a", verdicts=[verdict("pass"), verdict(outcome, advisory=True)])
    assert case_state(result, make_record(result)) == "passed"


def test_a_stands_by_its_own_verdicts(make_result: Results, make_record: Records) -> None:
    nodeid = "npuperf.yaml::chat"
    a = make_result(f"chat{OTHER_SIDE}", nodeid=nodeid, in_pairs=True, verdicts=[verdict("pass")])
    b = make_result("chat", nodeid=nodeid, in_pairs=True)
    record = make_record(a, b, outcomes={nodeid: "failed"}, failures={nodeid: "broken"})
    assert [case_state(one, record) for one in (a, b)] == ["passed", "failed"]
    assert [failure_of(one, record) for one in (a, b)] == ["", "broken"]
    for flaw in ({"verdicts": [verdict("fail")]}, {"aborted": "lost"}, {"not_measured": "late"}, {"sent": 9}):
        assert case_state(replace(a, **flaw), record) == "failed"


def test_a_case_that_is_called_like_a_is_a_case_like_any_other(
    make_result: Results, make_record: Records
) -> None:
    result = make_result(f"chat{OTHER_SIDE}", verdicts=[verdict("pass")])
    assert case_state(result, make_record(result, outcomes={result.nodeid: "failed"})) == "failed"


def test_what_passed_has_no_failure(make_result: Results, make_record: Records) -> None:
    result = make_result("a")
    record = make_record(result, failures={result.nodeid: "why"})
    assert failure_of(result, record) == ""
    assert failure_of(result, replace(record, outcomes={result.nodeid: "error"})) == "why"
