from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from pytest_npuperf.metrics import summarize
from pytest_npuperf.report.openmetrics import openmetrics_text
from pytest_npuperf.result import CaseResult, RunRecord
from pytest_npuperf.slo import Verdict, parse_budget
from pytest_npuperf.trace import Trace

Results = Callable[..., CaseResult]
Records = Callable[..., RunRecord]


def _samples(text: str) -> list[Any]:
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def _values(text: str, name: str, **labels: str) -> list[float]:
    return [
        sample.value
        for sample in _samples(text)
        if sample.name == name and labels.items() <= sample.labels.items()
    ]


def test_figures_are_gauges_by_case_stage_and_quantile(
    make_result: Results, make_record: Records, two_good_one_failed: Trace
) -> None:
    steady = summarize(two_good_one_failed, max_concurrency=2, stage="steady")
    text = openmetrics_text(make_record(make_result("chat[concurrency=4]", stages=(steady,))))
    where = {"case": "chat-concurrency-4", "nodeid": "npuperf.yaml::chat[concurrency=4]", "stage": "total"}
    assert _values(text, "npuperf_ttft_seconds", quantile="0", **where) == [pytest.approx(0.05)]
    assert _values(text, "npuperf_ttft_mean_seconds", **where) == [pytest.approx(0.0550617, abs=1e-6)]
    assert _values(text, "npuperf_ttft_samples", **where) == [2]
    assert _values(text, "npuperf_failed_requests", **where) == [1]
    assert _values(text, "npuperf_failure_rate", stage="steady") == [pytest.approx(1 / 3)]
    assert {family.type for family in text_string_to_metric_families(text)} == {"gauge", "info"}
    assert text.endswith("\n# EOF\n")


def test_a_verdict_has_a_point_for_each_outcome(make_result: Results, make_record: Records) -> None:
    budget = parse_budget("ttft.p99 < 1 ms")
    verdict = Verdict(budget=budget, measured=inf, n=1, outcome="inconclusive")
    text = openmetrics_text(make_record(make_result(verdicts=[verdict, replace(verdict, n=2)])))
    assert {s.labels["outcome"]: s.value for s in _samples(text) if s.name == "npuperf_verdict"} == {
        "pass": 0,
        "fail": 0,
        "inconclusive": 1,
        "no baseline": 0,
    }


def test_cases_of_one_name_are_told_apart(make_result: Results, make_record: Records) -> None:
    text = openmetrics_text(make_record(make_result("chat"), make_result("chat")))
    cases = {sample.labels["case"] for sample in _samples(text) if sample.name == "npuperf_total_requests"}
    assert cases == {"chat", "chat-2"}


def test_a_case_that_was_not_measured_has_no_figures(make_result: Results, make_record: Records) -> None:
    text = openmetrics_text(make_record(make_result(not_measured="not measured: client-bound")))
    assert {sample.name for sample in _samples(text)} == {"npuperf_run_info"}


def test_figures_of_no_request_are_left_out(
    make_result: Results, make_record: Records, build_trace: Callable[..., Trace]
) -> None:
    text = openmetrics_text(make_record(make_result("chat", build_trace())))
    assert _values(text, "npuperf_ttft_samples") == [0]
    assert _values(text, "npuperf_ttft_seconds") == []


def test_a_run_without_results_is_valid(make_record: Records) -> None:
    assert [sample.name for sample in _samples(openmetrics_text(make_record()))] == ["npuperf_run_info"]


def test_hostile_names_stay_in_their_labels(make_result: Results, make_record: Records) -> None:
    hostile = 'a"} 1\n# EOF\\'
    text = openmetrics_text(make_record(make_result(hostile, nodeid=hostile), server={"model": hostile}))
    assert text.count("# EOF\n") == 1
    assert {sample.labels.get("nodeid") for sample in _samples(text)} == {None, 'a"} 1\\n# EOF\\'}
