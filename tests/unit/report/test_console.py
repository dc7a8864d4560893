from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_npuperf.metrics import summarize
from pytest_npuperf.report import common_table, console_lines, performance_table
from pytest_npuperf.report.tables import MORE_COLUMNS
from pytest_npuperf.result import CaseResult, RunRecord
from pytest_npuperf.slo import Verdict, parse_budget
from pytest_npuperf.trace import Trace

Results = Callable[..., CaseResult]
Records = Callable[..., RunRecord]

REPORT = Path("reports", "ee9480acbbac4d4aa190a124d5ddf39c")


@pytest.fixture(scope="module")
def clean(build_trace: Callable[..., Trace]) -> Trace:
    return build_trace({"sent": 0, "chunks": [50, 60, 70], "end": 70})


def test_a_case_is_its_heading_and_both_tables_closed_by_the_path(
    make_result: Results, make_record: Records, clean: Trace
) -> None:
    result = make_result("chat[concurrency=4]", clean)
    lines = console_lines(make_record(result, outcomes={result.nodeid: "passed"}), REPORT, verbosity=0)
    assert "\n".join(lines) == "\n".join(
        [
            "Performance Results of task: vllm-api-stream-chat/chat-concurrency-4:",
            performance_table([result.summary]),
            common_table([result.summary]),
            f"Performance Result files locate in {REPORT}/performance/vllm-api-stream-chat.",
            f"Report: {REPORT}/report.html",
        ]
    )


def test_without_a_report_there_is_no_path(make_result: Results, make_record: Records) -> None:
    lines = console_lines(make_record(make_result()), None, verbosity=0)
    assert not any("locate" in line for line in lines)


def test_without_a_result_there_is_nothing(make_record: Records) -> None:
    assert console_lines(make_record(), REPORT, verbosity=0) == []


def test_every_case_is_there_and_repeated_names_are_told_apart(
    make_result: Results, make_record: Records
) -> None:
    record = make_record(make_result("chat"), make_result("chat"))
    lines = console_lines(record, REPORT, verbosity=0)
    headings = [line for line in lines if line.startswith("Performance Results of task:")]
    assert headings == [
        "Performance Results of task: vllm-api-stream-chat/chat:",
        "Performance Results of task: vllm-api-stream-chat/chat-2:",
    ]


def test_a_failed_case_is_marked_with_its_broken_budgets(
    make_result: Results, make_record: Records, clean: Trace
) -> None:
    result = make_result("chat", clean, "ttft.p99 < 1 ms", "failed_requests == 0")
    lines = console_lines(make_record(result, outcomes={result.nodeid: "failed"}), REPORT, verbosity=0)
    assert lines[1] == "FAILED npuperf.yaml::chat: ttft.p99 < 1 ms (measured 50.0 ms)"
    assert lines[2].startswith("╒")


def test_failed_requests_are_told_by_kind_with_the_first_error(
    make_result: Results, make_record: Records, two_good_one_failed: Trace
) -> None:
    trace = replace(two_good_one_failed, error_text=("", '{"error": "no such model"}', ""))
    lines = console_lines(make_record(make_result("chat", trace)), REPORT, verbosity=0)
    assert lines[1] == '1 failed with http_status, the first: {"error": "no such model"}'


def test_a_stopped_case_says_what_it_holds(make_result: Results, make_record: Records, clean: Trace) -> None:
    record = make_record(make_result("chat", clean, stopped=True))
    lines = console_lines(record, REPORT, verbosity=0)
    assert lines[1] == "STOPPED before its end; requests measured until then: 1"


def test_a_case_that_was_given_up_says_why(make_result: Results, make_record: Records, clean: Trace) -> None:
    record = make_record(make_result("chat", clean, aborted="5 requests in a row failed"))
    lines = console_lines(record, REPORT, verbosity=0)
    assert lines[1] == "ABORTED: 5 requests in a row failed"
    assert "; ABORTED" in console_lines(record, REPORT, verbosity=-1)[0]


def test_estimated_tokens_are_told(
    make_result: Results, make_record: Records, build_trace: Callable[..., Trace]
) -> None:
    trace = build_trace({"sent": 0, "chunks": [50, 60], "end": 60, "estimated": True})
    lines = console_lines(make_record(make_result("chat", trace)), REPORT, verbosity=0)
    assert lines[1] == "Token counts are estimated from chunks where the server reported no usage"


def test_tables_have_every_stage_and_say_when_the_load_was_steady(
    make_result: Results, make_record: Records, clean: Trace
) -> None:
    steady = summarize(clean, max_concurrency=2, stage="steady")
    result = make_result("chat", clean, stages=(steady,), steady_window=(0.5, 12.34567))
    lines = console_lines(make_record(result), REPORT, verbosity=0)
    assert lines[1] == "Steady stage: 0.5 to 12.35 s after the first request was sent"
    assert "\n".join(lines[2:-2]) == "\n".join(
        [performance_table([result.summary, steady]), common_table([result.summary, steady])]
    )


def test_why_there_is_no_steady_stage_is_told(
    make_result: Results, make_record: Records, clean: Trace
) -> None:
    record = make_record(make_result("chat", clean, no_steady="no request was successful"))
    assert console_lines(record, REPORT, verbosity=0)[1] == ("No steady stage: no request was successful")
    assert "; NO STEADY STAGE" in console_lines(record, REPORT, verbosity=-1)[0]


def test_what_the_server_had_cached_unasked_makes_a_case_suspect(
    make_result: Results, make_record: Records, build_trace: Callable[..., Trace]
) -> None:
    trace = build_trace({"sent": 0, "chunks": [50], "end": 60, "input_tokens": 10, "cached_tokens": 8})
    record = make_record(make_result("chat", trace, cache_expected=False))
    assert console_lines(record, REPORT, verbosity=0)[1].startswith(
        "SUSPECT: 80.0% of the input tokens came from the server's prefix cache"
    )
    assert console_lines(record, REPORT, verbosity=-1)[0].endswith("; SUSPECT")


def test_why_a_pass_would_mean_nothing_is_told(
    make_result: Results, make_record: Records, clean: Trace
) -> None:
    record = make_record(make_result("chat", clean, sent=2))
    lines = console_lines(record, REPORT, verbosity=0)
    assert lines[1].startswith("VACUOUS: 1 of 2 requests sent are not accounted for: ")
    assert console_lines(record, REPORT, verbosity=-1)[0].endswith("; VACUOUS")


def test_cancelled_requests_and_missed_lengths_are_told(
    make_result: Results, make_record: Records, build_trace: Callable[..., Trace]
) -> None:
    trace = build_trace(
        {"sent": 0, "chunks": [50, 60], "end": 60, "asked_output_tokens": 3},
        {"sent": 0, "chunks": [50, 60], "end": 60, "asked_output_tokens": 2},
        {"sent": 0, "chunks": [50], "end": 60, "error": "cancelled"},
    )
    lines = console_lines(make_record(make_result("chat", trace)), REPORT, verbosity=0)
    assert lines[1:3] == [
        "1 cancelled by the client, as the case asks",
        "50.0% of the answers missed the output length asked for",
    ]


def test_budgets_that_only_warn_and_pooled_measurements_are_told(
    make_result: Results, make_record: Records, clean: Trace
) -> None:
    verdict = Verdict(budget=parse_budget("ttft.p99 < 1 ms"), measured=0.05, n=1, outcome="inconclusive")
    record = make_record(make_result("chat", clean, verdicts=[verdict], confirmations=1))
    assert console_lines(record, REPORT, verbosity=0)[1:3] == [
        "NOT KEPT: ttft.p99 < 1 ms (inconclusive, measured 50.0 ms)",
        "Measured 2 times, as it was too close to tell; the figures are of all requests",
    ]
    quiet = console_lines(record, REPORT, verbosity=-1)[0]
    assert quiet.endswith("; MEASURED 2 TIMES; NOT ALL BUDGETS KEPT")


def test_quiet_is_a_line_a_case(make_result: Results, make_record: Records, clean: Trace) -> None:
    record = make_record(
        make_result("chat", clean),
        make_result("burst", clean, stopped=True, nodeid="test_burst.py::test_burst"),
    )
    lines = console_lines(
        replace(record, outcomes={"test_burst.py::test_burst": "failed"}), REPORT, verbosity=-1
    )
    figures = "TTFT avg 50.0 ms, P99 50.0 ms*; TPOT avg 10.0 ms; output 42.8571 token/s; N 1; failed 0"
    assert lines == [
        f"vllm-api-stream-chat/chat: {figures}",
        f"vllm-api-stream-chat/burst: {figures}; STOPPED; FAILED",
        "* rests on too few requests for that percentile",
        f"Performance Result files locate in {REPORT}/performance/vllm-api-stream-chat.",
        f"Report: {REPORT}/report.html",
    ]


def test_quiet_marks_no_percentile_that_rests_on_enough_requests(
    make_result: Results,
    make_record: Records,
    load_trace: Callable[..., Trace],
    build_trace: Callable[..., Trace],
) -> None:
    lines = console_lines(make_record(make_result("chat", load_trace(299))), None, verbosity=-1)
    assert len(lines) == 1
    assert "*" not in lines[0]
    failed = build_trace({"sent": 0, "end": 5, "error": "connect"})
    lines = console_lines(make_record(make_result("chat", failed)), None, verbosity=-1)
    assert lines[0].startswith("vllm-api-stream-chat/chat: TTFT avg -, P99 -; ")


def test_verbose_adds_percentiles_and_marks_those_of_too_few_requests(
    make_result: Results, make_record: Records, clean: Trace
) -> None:
    result = make_result("chat", clean)
    lines = console_lines(make_record(result), REPORT, verbosity=1)
    assert lines[1:-2] == [
        *performance_table([result.summary], MORE_COLUMNS, result.stage_runs()).splitlines(),
        "* rests on too few requests for that percentile",
        *common_table([result.summary]).splitlines(),
    ]


def test_chosen_columns_stand_in_the_order_they_were_given(
    make_result: Results, make_record: Records, clean: Trace
) -> None:
    record = make_record(make_result("chat", clean))
    for verbosity in (0, 1):
        lines = console_lines(record, REPORT, verbosity=verbosity, columns=("P99.9", "Average"))
        assert lines[2].replace(" ", "") == "│PerformanceParameters│Stage│P99.9│Average│N│"
        assert "50.0 ms*" in lines[6]


def test_columns_that_need_no_support_have_no_note(
    make_result: Results, make_record: Records, clean: Trace
) -> None:
    record = make_record(make_result("chat", clean))
    lines = console_lines(record, REPORT, verbosity=0, columns=("Average", "Max"))
    assert "*" not in "".join(lines)


@pytest.mark.parametrize("verbosity", [-1, 0, 1])
def test_no_control_character_reaches_the_terminal(
    make_result: Results, make_record: Records, two_good_one_failed: Trace, verbosity: int
) -> None:
    hostile = "\x1b]0;title\x07\x9b2J\r\n\u202e"
    trace = replace(two_good_one_failed, error=("", hostile, ""), error_text=("", hostile, ""))
    result = make_result(hostile, trace, nodeid=hostile)
    lines = console_lines(
        make_record(result, abbr=hostile, outcomes={hostile: "failed"}), Path(hostile), verbosity=verbosity
    )
    assert all(line.isprintable() for line in lines)
