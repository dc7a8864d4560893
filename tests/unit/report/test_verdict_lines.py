from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pytest_npuperf.metrics import ClientHealth, summarize
from pytest_npuperf.report.verdict_lines import VerdictLine, verdict_lines
from pytest_npuperf.result import OTHER_SIDE, CaseResult, RunRecord
from pytest_npuperf.slo import Verdict, parse_budget
from pytest_npuperf.trace import Trace

Results = Callable[..., CaseResult]


@pytest.fixture(scope="module")
def spread(build_trace: Callable[..., Trace]) -> Trace:
    """TTFT from 10 to 40 ms, most at 10 ms; TPOT 5 ms."""
    return build_trace(*({"sent": 0, "chunks": [ttft, ttft + 5], "end": ttft + 5} for ttft in (10, 10, 40)))


def run_of(*results: CaseResult, **outcomes: str) -> RunRecord:
    return RunRecord(
        run_id="0" * 32,
        abbr="abbr",
        started="",
        finished="",
        stopped=False,
        settings={},
        environment={},
        server={},
        results=results,
        outcomes=outcomes,
    )


def line_of(result: CaseResult, outcome: str = "passed", *, sparklines: bool = False) -> VerdictLine:
    (line,) = verdict_lines(run_of(result, **{result.nodeid: outcome}), sparklines=sparklines)
    return line


def test_a_line_has_the_outcome_the_case_its_budgets_and_the_distribution(
    make_result: Results, spread: Trace
) -> None:
    result = make_result("chat[concurrency=4]", spread, "ttft.p99 < 1 s", "failed_requests == 0")
    assert line_of(result, sparklines=True) == VerdictLine(
        "PASSED",
        "green",
        "  chat-concurrency-4  2 budgets kept  ttft 10.0 ms █              ▄ 40.0 ms (N 3)",
    )


def test_without_sparklines_the_line_is_plain_characters(make_result: Results, spread: Trace) -> None:
    line = line_of(make_result("chat", spread, "ttft.p99 < 1 s"))
    assert line.rest == "  chat  1 budget kept  ttft 10.0 ms .. 40.0 ms (N 3)"
    assert line.rest.isascii()


def test_columns_stand_below_each_other(make_result: Results, spread: Trace) -> None:
    results = [
        make_result("chat", spread, "ttft.p99 < 1 s"),
        make_result("a-longer-name", spread, "ttft.p99 < 1 ms", nodeid="broken"),
        make_result("chat", spread, nodeid="skipped"),
    ]
    lines = verdict_lines(run_of(*results, broken="failed", skipped="skipped"), sparklines=False)
    assert [f"{line.outcome}{line.rest}" for line in lines] == [
        "PASSED   chat           1 budget kept        ttft 10.0 ms .. 40.0 ms (N 3)",
        "FAILED   a-longer-name  0 of 1 budgets kept  ttft 10.0 ms .. 40.0 ms (N 3)",
        "SKIPPED  chat-2         not judged           ttft 10.0 ms .. 40.0 ms (N 3)",
    ]


@pytest.mark.parametrize(
    ("outcome", "colour"),
    [("passed", "green"), ("skipped", "yellow"), ("failed", "red"), ("error", "red")],
)
def test_the_colour_follows_the_outcome(
    make_result: Results, spread: Trace, outcome: str, colour: str
) -> None:
    line = line_of(make_result("chat", spread, "ttft.p99 < 1 s"), outcome)
    assert (line.outcome, line.colour) == (outcome.upper(), colour)


def test_an_interrupted_case_did_not_pass(make_result: Results, spread: Trace) -> None:
    stopped = make_result("chat", spread, stopped=True)
    assert verdict_lines(run_of(stopped), sparklines=False)[0].outcome == "STOPPED"
    assert verdict_lines(run_of(stopped), sparklines=False)[0].colour == "yellow"
    assert line_of(stopped, "failed").outcome == "FAILED"


def test_what_is_to_be_said_of_a_passed_case_makes_it_yellow(
    make_result: Results, spread: Trace, healthy: ClientHealth
) -> None:
    doubtful = Verdict(budget=parse_budget("ttft.p99 < 1 ms"), measured=0.05, n=1, outcome="inconclusive")
    fields: tuple[dict[str, Any], ...] = (
        {"verdicts": [doubtful]},
        {"health": replace(healthy, state="suspect")},
    )
    assert [line_of(make_result("chat", spread, **one)).colour for one in fields] == ["yellow", "yellow"]


@pytest.mark.parametrize(
    ("budgets", "shown"),
    [
        (["failed_requests == 0", "e2el.max < 1 s", "ttft.p99 < 1 s"], "e2el 15.0 ms .. 45.0 ms (N 3)"),
        (["ttft.p99 < 1 s", "tpot.avg < 1 ms"], "tpot 5.0 ms .. 5.0 ms (N 3)"),
        (["goodput(tpot < 1 s, ttft < 1 s) >= 95 %"], "tpot 5.0 ms .. 5.0 ms (N 3)"),
        (["itl.p99 < 1 s"], "itl 5.0 ms .. 5.0 ms (N 3)"),
        (["output_tokens.min >= 2"], "output_tokens 2.0 token .. 2.0 token (N 3)"),
        (["failed_requests == 0"], "ttft 10.0 ms .. 40.0 ms (N 3)"),
        (["steady.ttft.p90 < 1 s"], "ttft 10.0 ms .. 40.0 ms (N 3)"),
    ],
)
def test_the_distribution_is_that_of_the_gravest_budget_that_bounds_one(
    make_result: Results, spread: Trace, budgets: list[str], shown: str
) -> None:
    assert line_of(make_result("chat", spread, *budgets)).rest.endswith(f"kept  {shown}")


def test_the_distribution_is_of_the_stage_that_the_budget_names(make_result: Results, spread: Trace) -> None:
    steady = summarize(spread, max_concurrency=2, stage="steady")
    result = make_result("chat", spread, "steady.ttft.p90 < 1 s", stages=(steady,))
    assert line_of(result).rest.endswith("steady.ttft 10.0 ms .. 40.0 ms (N 3)")


def test_a_case_without_an_answer_has_no_distribution(
    make_result: Results, build_trace: Callable[..., Trace]
) -> None:
    failed = build_trace({"sent": 0, "end": 30, "error": "http_status"})
    assert line_of(make_result("chat", failed), sparklines=True).rest == "  chat  not judged  ttft -"


def test_no_control_character_of_a_name_reaches_the_line(make_result: Results, spread: Trace) -> None:
    hostile = "\x1b]0;title\x07\x9b2J\r\n\u202e"
    line = line_of(make_result(hostile, spread, nodeid=hostile), "failed")
    assert line.outcome == "FAILED"
    assert line.rest.isprintable()


def test_the_line_has_the_state_that_other_reports_have(make_result: Results, spread: Trace) -> None:
    doubtful = Verdict(budget=parse_budget("ttft.p99 < 1 ms"), measured=0.05, n=1, outcome="no baseline")
    line = line_of(make_result("chat", spread, verdicts=[doubtful]))
    assert (line.outcome, line.colour) == ("NO BASELINE", "yellow")


def test_a_is_not_failed_by_what_b_did(make_result: Results, spread: Trace) -> None:
    names = (f"chat{OTHER_SIDE}", "chat")
    results = [make_result(name, spread, nodeid="chat", in_pairs=True) for name in names]
    lines = verdict_lines(run_of(*results, chat="failed"), sparklines=False)
    assert [(line.outcome, line.colour) for line in lines] == [("PASSED", "green"), ("FAILED", "red")]
