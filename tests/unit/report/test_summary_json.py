from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf
from typing import Any

import msgspec
import pytest

from pytest_npuperf.metrics import summarize
from pytest_npuperf.report.summary_json import run_summary
from pytest_npuperf.result import CaseResult, RunRecord
from pytest_npuperf.slo import Verdict, parse_budget
from pytest_npuperf.slo.budget import Relative
from pytest_npuperf.trace import Trace

Results = Callable[..., CaseResult]
Records = Callable[..., RunRecord]


@pytest.fixture
def summarized(make_record: Records) -> Callable[[CaseResult], dict[str, Any]]:
    """What the summary of a run says of its only case."""

    def case(result: CaseResult) -> dict[str, Any]:
        summary = run_summary(make_record(result), [{"plot": "performance/abbr/chat_plot.html"}], [{}])
        only: dict[str, Any] = summary["cases"][0]
        return only

    return case


def test_the_run_is_described(make_record: Records) -> None:
    assert run_summary(make_record(stopped=True), [], []) == {
        "schema_version": 1,
        "run_id": "ee9480acbbac4d4aa190a124d5ddf39c",
        "abbr": "vllm-api-stream-chat",
        "started": "2026-03-26T20:22:00+08:00",
        "finished": "2026-03-26T20:22:24+08:00",
        "stopped": True,
        "server": {"base_url": "http://127.0.0.1:8000"},
        "environment": {"python": "3.11.9"},
        "cases": [],
        "unmeasured": [],
    }


def test_what_failed_is_told_with_its_reason(make_result: Results, make_record: Records) -> None:
    result = make_result("chat")
    record = make_record(
        result,
        outcomes={result.nodeid: "failed", "npuperf.yaml::late": "error"},
        failures={result.nodeid: "AssertionError: slow", "npuperf.yaml::late": "deploy.sh ended with 1"},
    )
    summary = run_summary(record, [{}], [{}])
    assert [(case["outcome"], case["failure"]) for case in summary["cases"]] == [
        ("failed", "AssertionError: slow")
    ]
    assert summary["unmeasured"] == [
        {"nodeid": "npuperf.yaml::late", "outcome": "error", "failure": "deploy.sh ended with 1"}
    ]


def test_a_case_says_what_its_figures_rest_on(
    make_result: Results, summarized: Callable[[CaseResult], dict[str, Any]]
) -> None:
    case = summarized(make_result("chat", stopped=True))
    del case["stages"]
    health = case.pop("client_health")
    assert (health["state"], health["reasons"], health["cpu_share"]) == ("ok", (), 0.1)
    assert case == {
        "name": "chat",
        "nodeid": "npuperf.yaml::chat",
        "outcome": "stopped",
        "failure": "",
        "started": "2026-03-26T20:22:04+08:00",
        "stopped": True,
        "aborted": "",
        "files": {"plot": "performance/abbr/chat_plot.html"},
        "pictures": {},
        "kernel_stamps": False,
        "tokens_estimated": False,
        "errors": {"http_status": 1},
        "verdicts": [],
        "not_measured": "",
        "vacuous": [],
        "suspect": [],
        "warmup_window": None,
        "steady_window": None,
        "no_steady": "",
        "exploration": None,
        "confirmations": 0,
        "prompts_hash": "",
        "repeat": "pytest npuperf.yaml::chat",
    }


def test_a_case_says_why_a_pass_would_mean_nothing(
    make_result: Results, summarized: Callable[[CaseResult], dict[str, Any]]
) -> None:
    result = make_result(sent=4)
    assert summarized(result)["vacuous"] == list(result.vacuous)
    assert len(result.vacuous) == 1


def test_figures_have_the_names_of_budgets_and_their_n(
    make_result: Results, summarized: Callable[[CaseResult], dict[str, Any]]
) -> None:
    figures = summarized(make_result())["stages"]["total"]
    assert figures["ttft"]["n"] == 2
    assert figures["ttft"]["min"] == pytest.approx(0.05)
    assert set(figures["tpot"]) == {"n", "avg", "min", "max", "median", "p75", "p90", "p99"}
    assert figures["itl"]["n"] == 2
    assert figures["itl_requests"] == 1
    assert figures["schedule_delay"]["n"] == 3
    assert figures["benchmark_duration"] == pytest.approx(0.09)
    assert figures["failure_rate"] == pytest.approx(1 / 3)
    assert figures["max_concurrency"] == 2
    assert "stage" not in figures


def test_verdicts_are_in_the_figures_own_unit(
    make_result: Results, two_good_one_failed: Trace, summarized: Callable[[CaseResult], dict[str, Any]]
) -> None:
    result = make_result("chat", two_good_one_failed, "ttft.min < 10 ms")
    assert summarized(result)["verdicts"] == [
        {
            "expression": "ttft.min < 10 ms",
            "stage": "total",
            "metric": "ttft",
            "statistic": "min",
            "comparison": "<",
            "bound": pytest.approx(0.01),
            "baseline": None,
            "measured": pytest.approx(0.05),
            "measured_is_infinite": False,
            "of_successes": None,
            "low": None,
            "high": None,
            "n": 2,
            "needed_n": None,
            "implied": False,
            "advisory": False,
            "require_support": False,
            "outcome": "fail",
            "consequence": "fail",
            "mismatches": [],
            "close": False,
            "reason": "",
        }
    ]


def test_a_verdict_has_its_interval_and_what_it_was_held_against(
    make_result: Results, summarized: Callable[[CaseResult], dict[str, Any]]
) -> None:
    relative = replace(parse_budget("ttft.p99 < 1 ms"), bound=0, relative=Relative(0.1), advisory=True)
    verdict = Verdict(
        budget=relative,
        measured=0.6,
        n=300,
        outcome="inconclusive",
        low=0.5,
        high=0.7,
        needed_n=299,
        close=True,
        of_successes=0.4,
        baseline=0.5,
        bound=0.55,
    )
    (written,) = summarized(make_result(verdicts=[verdict]))["verdicts"]
    assert written["bound"] == 0.55
    assert {name: written[name] for name in ("baseline", "measured", "of_successes", "low", "high")} == {
        "baseline": 0.5,
        "measured": 0.6,
        "of_successes": 0.4,
        "low": 0.5,
        "high": 0.7,
    }
    assert (written["needed_n"], written["close"], written["advisory"]) == (299, True, True)


def test_infinity_is_null_and_said_so(
    make_result: Results, summarized: Callable[[CaseResult], dict[str, Any]]
) -> None:
    budget = parse_budget("ttft.p99 < 500 ms")
    verdict = Verdict(budget=budget, measured=inf, n=8, outcome="fail", low=0.3, high=inf)
    (written,) = summarized(make_result(verdicts=[verdict]))["verdicts"]
    assert (written["measured"], written["measured_is_infinite"]) == (None, True)
    assert (written["low"], written["high"]) == (0.3, None)


def test_every_stage_and_the_windows_are_there(
    make_result: Results, two_good_one_failed: Trace, summarized: Callable[[CaseResult], dict[str, Any]]
) -> None:
    steady = summarize(two_good_one_failed, max_concurrency=2, stage="steady")
    case = summarized(make_result(stages=(steady,), warmup_window=(-1.0, 0.4), steady_window=(0.5, 1.5)))
    assert list(case["stages"]) == ["total", "steady"]
    assert (case["warmup_window"], case["steady_window"]) == ((-1.0, 0.4), (0.5, 1.5))


def test_why_there_is_no_steady_stage_and_a_verdict_on_it_is_told(
    make_result: Results, summarized: Callable[[CaseResult], dict[str, Any]]
) -> None:
    result = make_result(no_steady="it was short")
    result.judge([parse_budget("steady.ttft.p90 < 1 s")])
    case = summarized(result)
    assert case["no_steady"] == "it was short"
    (verdict,) = case["verdicts"]
    assert (verdict["stage"], verdict["reason"]) == ("steady", "no steady stage: it was short")


def test_the_figures_of_no_request_are_null(
    make_result: Results,
    build_trace: Callable[..., Trace],
    summarized: Callable[[CaseResult], dict[str, Any]],
) -> None:
    figures = summarized(make_result("chat", build_trace()))["stages"]["total"]
    assert figures["ttft"] == dict.fromkeys(figures["ttft"], None) | {"n": 0}
    assert figures["benchmark_duration"] is None
    assert figures["failure_rate"] is None
    assert b"NaN" not in msgspec.json.encode(figures)
