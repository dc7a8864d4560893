from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pytest_npuperf.report.github import github_annotations
from pytest_npuperf.result import CaseResult, RunRecord
from pytest_npuperf.slo import Verdict, parse_budget
from pytest_npuperf.trace import Trace

Results = Callable[..., CaseResult]
Annotations = Callable[..., list[str]]


@pytest.fixture
def annotations(make_record: Callable[..., RunRecord]) -> Callable[..., list[str]]:
    """The annotations of a run of one case that came out so."""

    def made(result: CaseResult, outcome: str = "failed", **fields: Any) -> list[str]:
        record = make_record(result, outcomes={result.nodeid: outcome}, **fields)
        return github_annotations(record, workspace="/home/runner/repo")

    return made


def test_a_broken_budget_is_an_error_at_the_case_s_line(
    make_result: Results, two_good_one_failed: Trace, annotations: Annotations
) -> None:
    location = ("/home/runner/repo/perf/npuperf.yaml", 12)
    result = make_result("chat[concurrency=4]", two_good_one_failed, "ttft.avg < 1 ms", location=location)
    assert annotations(result) == [
        "::error file=perf/npuperf.yaml,line=12,title=npuperf%3A chat[concurrency=4]"
        "::broken: ttft.avg < 1 ms (measured 55.0617 ms)%0Anpuperf.yaml::chat[concurrency=4]"
    ]


def test_advisory_and_undecided_budgets_are_one_warning(
    make_result: Results, annotations: Annotations
) -> None:
    advisory = replace(parse_budget("ttft.p99 < 1 ms"), advisory=True)
    verdicts = [
        Verdict(budget=advisory, measured=1.0, n=1, outcome="fail"),
        Verdict(budget=parse_budget("e2el.p99 < 1 s"), measured=2.0, n=1, outcome="inconclusive"),
    ]
    assert annotations(make_result(verdicts=verdicts), "passed") == [
        "::warning title=npuperf%3A chat::not kept: ttft.p99 < 1 ms (advisory, measured 1000.0 ms), "
        "e2el.p99 < 1 s (inconclusive, measured 2.0 s)%0Anpuperf.yaml::chat"
    ]


def test_a_case_that_failed_otherwise_is_an_error_too(make_result: Results, annotations: Annotations) -> None:
    assert (
        "::not measured: client-bound%0A"
        in annotations(make_result(not_measured="not measured: client-bound"))[0]
    )
    assert "::aborted: the server is gone%0A" in annotations(make_result(aborted="the server is gone"))[0]
    assert "::vacuous: 1 of 4 requests sent are" in annotations(make_result(sent=4))[0]
    assert "::the test failed%0A" in annotations(make_result())[0]
    result = make_result()
    for outcome in ("failed", "error"):
        (line,) = annotations(result, outcome, failures={result.nodeid: "assert 1 == 2"})
        assert "::assert 1 == 2%0A" in line


def test_a_case_without_blemish_has_none(make_result: Results, annotations: Annotations) -> None:
    assert annotations(make_result(), "passed") == []


def test_a_file_elsewhere_keeps_its_path(make_result: Results, annotations: Annotations) -> None:
    assert "file=/elsewhere/a.py,line=1," in annotations(make_result(location=("/elsewhere/a.py", 1)))[0]


def test_an_annotation_is_one_line_and_one_command(make_result: Results, annotations: Annotations) -> None:
    hostile = "x\n::error::y\r\x1b,file=z"
    (line,) = annotations(make_result(hostile, nodeid=hostile, aborted=hostile, location=(hostile, 1)))
    assert line.isprintable()
    assert line.startswith(r"::error file=x\n%3A%3Aerror%3A%3Ay\r\x1b%2Cfile=z,line=1,title=")
