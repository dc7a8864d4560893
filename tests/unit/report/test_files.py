from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from pytest_npuperf.metrics import request_values, summarize
from pytest_npuperf.report import files
from pytest_npuperf.report.files import common_json, details_json, performance_csv, request_details
from pytest_npuperf.trace import UNKNOWN, Trace


def _strict(content: bytes) -> object:
    def refuse(constant: str) -> object:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(content, parse_constant=refuse)


def test_csv_has_the_specified_header_rows_and_cells(two_good_one_failed: Trace) -> None:
    summary = summarize(two_good_one_failed, max_concurrency=2)
    lines = performance_csv([summary]).decode().split("\n")
    assert lines[0] == "Performance Parameters,Stage,Average,Min,Max,Median,P75,P90,P99,N"
    assert [line.split(",")[0] for line in lines[1:8]] == [
        "E2EL",
        "TTFT",
        "TPOT",
        "ITL",
        "InputTokens",
        "OutputTokens",
        "OutputTokenThroughput",
    ]
    assert lines[1].startswith("E2EL,total,70.25 ms,70.0 ms,70.5 ms,70.25 ms,")
    assert lines[5] == "InputTokens,total,10.0,10.0,10.0,10.0,10.0,10.0,10.0,2"
    assert lines[8:] == [""]


def test_csv_of_no_success_has_dashes(build_trace: Callable[..., Trace]) -> None:
    trace = build_trace({"sent": 0, "end": 5, "error": "empty"})
    lines = performance_csv([summarize(trace, max_concurrency=1)]).decode().splitlines()
    assert lines[3] == "TPOT,total,-,-,-,-,-,-,-,0"


@pytest.mark.parametrize("stage", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\tx"])
def test_csv_text_is_no_formula(two_good_one_failed: Trace, stage: str) -> None:
    summary = summarize(two_good_one_failed, max_concurrency=2, stage=stage)
    rows = performance_csv([summary]).decode().splitlines()[1:]
    assert all(row.split(",")[1].startswith("'") for row in rows)


def test_common_json_maps_metric_to_stage_to_value(two_good_one_failed: Trace) -> None:
    content = common_json([summarize(two_good_one_failed, max_concurrency=None)])
    metrics = json.loads(content)
    assert metrics["Benchmark Duration"] == {"total": "90.0 ms"}
    assert metrics["Failed Requests"] == {"total": 1}
    assert metrics["Max Concurrency"] == {"total": None}
    assert content.startswith(b'{\n    "Benchmark Duration": {\n')


def test_details_hold_every_request_on_the_run_s_own_axis(two_good_one_failed: Trace) -> None:
    details = json.loads(details_json(two_good_one_failed))
    assert details[0] == {
        "id": "r0",
        "success": True,
        "error": None,
        "error_text": None,
        "status": 200,
        "start_time": 0.0,
        "prefill_latency": 0.05,
        "end_time": 0.0705,
        "scheduled_time": 0.0,
        "connect_time": 0.0,
        "retries": 0,
        "input_tokens": 10,
        "output_tokens": 3,
        "cached_tokens": None,
        "tokens_estimated": False,
        "asked_input_tokens": None,
        "asked_output_tokens": None,
        "turn": None,
        "conversation": None,
        "finish_reason": "length",
        "model": "model",
        "text": None,
        "chunk_times": [0.05, 0.06, 0.07],
    }


def test_the_specification_s_formulas_read_literally(two_good_one_failed: Trace) -> None:
    values = request_values(two_good_one_failed)
    for row in (0, 2):
        request = request_details(two_good_one_failed)[row]
        start, prefill, end = request["start_time"], request["prefill_latency"], request["end_time"]
        assert prefill == pytest.approx(values.ttft[row], abs=1e-12)
        assert end - (start + prefill) == pytest.approx(values.decode[row], abs=1e-12)
        assert end - start == pytest.approx(values.e2el[row], abs=1e-12)


def test_times_are_exact_to_the_nanosecond_and_no_longer(two_good_one_failed: Trace) -> None:
    # sent at 1,000 ms, chunk at 1,080.1234567 ms
    assert b'"chunk_times":[0.080123457]' in details_json(two_good_one_failed)


def test_what_is_not_known_is_null(two_good_one_failed: Trace) -> None:
    unknown = np.full(3, UNKNOWN)
    trace = replace(
        two_good_one_failed, t_end=unknown, status=unknown, connect_ns=unknown, t_scheduled=unknown
    )
    failed = request_details(trace)[1]
    for key in ("prefill_latency", "end_time", "status", "connect_time", "scheduled_time", "finish_reason"):
        assert failed[key] is None, key
    assert failed["success"] is False
    assert failed["error"] == "http_status"
    assert failed["chunk_times"] == []


def test_a_request_that_was_never_sent_does_not_move_the_axis(two_good_one_failed: Trace) -> None:
    sent = two_good_one_failed.t_sent.copy()
    sent[0] = UNKNOWN
    details = request_details(replace(two_good_one_failed, t_sent=sent))
    assert [request["start_time"] for request in details] == [None, 0.0, 0.01]
    assert details[0]["prefill_latency"] is None


def test_details_have_what_was_asked_for_the_turn_from_1_and_the_conversation_from_0(
    build_trace: Callable[..., Trace],
) -> None:
    asked = {
        "asked_input_tokens": 12,
        "asked_output_tokens": 2,
        "turn": 0,
        "cached_tokens": 8,
        "conversation": 0,
    }
    (request,) = request_details(build_trace({"sent": 0, "chunks": [5], "end": 6, **asked}))
    assert {key: request[key] for key in asked} == asked | {"turn": 1}


def test_csv_and_json_have_every_stage(two_good_one_failed: Trace) -> None:
    summaries = [
        summarize(two_good_one_failed, max_concurrency=2, stage=stage) for stage in ("total", "steady")
    ]
    rows = performance_csv(summaries).decode().splitlines()[1:]
    assert [row.split(",")[1] for row in rows] == ["total", "steady"] * 7
    assert json.loads(common_json(summaries))["Total Requests"] == {"total": 3, "steady": 3}


def test_details_are_strict_json_with_a_request_a_line(two_good_one_failed: Trace) -> None:
    hostile = ("\x1b[31m", 'quote " and \n line', "\ud800 lone surrogate")
    content = details_json(replace(two_good_one_failed, error_text=hostile, text=hostile))
    details = _strict(content)
    assert isinstance(details, list)
    assert [request["text"] for request in details] == [*hostile[:2], "\\ud800 lone surrogate"]
    assert len(content.splitlines()) == len(details) + 2


def test_details_of_nothing_are_an_empty_array(build_trace: Callable[..., Trace]) -> None:
    assert _strict(details_json(build_trace())) == []


def test_details_in_blocks_are_those_of_the_whole_trace(
    build_trace: Callable[..., Trace], monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = [
        {"sent": 100 * n, "chunks": list(range(100 * n + 5, 100 * n + 5 + n)), "end": 100 * n + 50}
        for n in range(7)
    ]
    trace = build_trace(*requests)
    monkeypatch.setattr(files, "_BLOCK", 3)
    assert len(list(files.details_blocks(trace))) == 2 + 3
    assert json.loads(details_json(trace)) == request_details(trace)
    assert details_json(trace).count(b"\n") == 1 + 7 + 1
