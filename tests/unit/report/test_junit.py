from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from pytest_npuperf.report import junit_properties
from pytest_npuperf.result import CaseResult
from pytest_npuperf.slo import Verdict, parse_budget
from pytest_npuperf.trace import Trace

Results = Callable[..., CaseResult]


def test_key_figures_and_verdicts_are_flat_and_plain(
    make_result: Results, two_good_one_failed: Trace
) -> None:
    properties = junit_properties(make_result("chat", two_good_one_failed, "ttft.p99 < 1 ms"))
    assert {type(value) for _, value in properties} == {int, float, str}
    values = dict(properties)
    assert len(values) == len(properties)
    assert values["npuperf.ttft.median"] == pytest.approx(0.0550617, abs=1e-6)
    assert values["npuperf.failed_requests"] == 1
    assert values["npuperf.budget: ttft.p99 < 1 ms"] == "fail"


def test_an_advisory_budget_says_so(make_result: Results) -> None:
    budget = replace(parse_budget("ttft.p99 < 1 ms"), advisory=True)
    result = make_result(verdicts=[Verdict(budget=budget, measured=1.0, n=1, outcome="fail")])
    assert dict(junit_properties(result))["npuperf.budget: ttft.p99 < 1 ms"] == "fail (advisory)"


def test_figures_that_could_not_be_formed_are_left_out(
    make_result: Results, build_trace: Callable[..., Trace]
) -> None:
    names = dict(junit_properties(make_result("chat", build_trace())))
    assert names == {"npuperf.total_requests": 0, "npuperf.failed_requests": 0}


def test_a_second_case_of_a_test_bears_its_name(make_result: Results) -> None:
    properties = junit_properties(make_result("test_chat-2", nodeid="test_it.py::test_chat"))
    assert all(name.startswith("npuperf.test_chat-2.") for name, _ in properties)


def test_a_case_that_was_not_measured_has_no_figures(make_result: Results) -> None:
    result = make_result(not_measured="not measured: client-bound\x1b")
    assert junit_properties(result) == [("npuperf.not_measured", r"not measured: client-bound\x1b")]
