from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from math import isinf
from pathlib import Path
from typing import Any

import numpy as np

from pytest_npuperf.capacity import End, Exploration, measured_step
from pytest_npuperf.confirming import pooled_result
from pytest_npuperf.report.files import request_details
from pytest_npuperf.result import CaseResult
from pytest_npuperf.saved import SavedReport, read_report
from pytest_npuperf.slo import StageRun, Verdict, parse_budget
from pytest_npuperf.slo.stage_run import figure
from pytest_npuperf.slo.vocabulary import METRICS
from pytest_npuperf.trace import UNKNOWN, Trace

Measured = Callable[..., CaseResult]
Written = Callable[..., Path]

STATISTICS = ("avg", "min", "max", "median", "p50", "p75", "p90", "p99", "p99.9")


def figures(stages: dict[str, StageRun]) -> dict[str, tuple[float | None, int]]:
    """Every figure that a budget can name, but those that no report keeps."""
    return {
        f"{stage}.{metric.name}.{statistic}": figure(run, metric.name, statistic)
        for stage, run in stages.items()
        for metric in METRICS.values()
        if not metric.of_chunks
        for statistic in (STATISTICS if metric.takes_statistic else (None,))
    }


def only_result(report: SavedReport) -> CaseResult:
    (case,) = report.cases
    return case.result


def test_every_figure_of_every_stage_is_that_of_the_run(
    whole_load: Trace, measured: Measured, written: Written
) -> None:
    result = measured(whole_load)
    back = only_result(read_report(written(result)))

    assert list(back.stage_runs()) == ["total", "steady", "turn 1", "turn 2"]
    assert figures(back.stage_runs()) == figures(result.stage_runs())


def test_what_is_read_back_can_be_written_again(
    whole_load: Trace, measured: Measured, written: Written
) -> None:
    result = measured(whole_load)
    back = only_result(read_report(written(result)))

    assert request_details(back.trace) == request_details(whole_load)


def test_columns_are_those_of_the_trace_from_another_origin(
    whole_load: Trace, measured: Measured, written: Written
) -> None:
    back = only_result(read_report(written(measured(whole_load)))).trace
    moved = int(back.t_sent[0] - whole_load.t_sent[0])
    not_kept = {"chunk_lag", "chunk_tokens", "reads", "unstamped_reads", "crowded_reads", "crowded_first"}

    for field in fields(Trace):
        before, now = getattr(whole_load, field.name), getattr(back, field.name)
        if isinstance(before, tuple):
            assert now == before, field.name
        elif field.name.startswith("t_") or field.name == "chunk_stamps":
            assert now.tolist() == np.where(before == UNKNOWN, UNKNOWN, before + moved).tolist(), field.name
        elif field.name not in not_kept:
            assert now.tolist() == before.tolist(), field.name
    assert set(back.chunk_lag) == set(back.chunk_tokens) == {UNKNOWN}


def test_a_request_that_was_due_a_nanosecond_before_the_first_was_sent_stays_known(
    build_trace: Callable[..., Trace], measured: Measured, written: Written
) -> None:
    trace = build_trace({"sent": 10, "scheduled": 10 - 1e-6, "chunks": [20], "end": 30})
    back = only_result(read_report(written(measured(trace))))

    assert back.summary.schedule_delay.avg == 1e-9


def test_everything_else_that_is_known_of_a_case_comes_back(
    whole_load: Trace, measured: Measured, written: Written
) -> None:
    told = {
        "aborted": "3 requests in a row failed",
        "not_measured": "client-bound",
        "prompts_hash": "12ab",
        "stopped": True,
        "warmup_window": (-1.25, 0.500000001),
    }
    result = measured(whole_load, **told)
    back = only_result(read_report(written(result)))

    kept = ("name", "nodeid", "settings", "started", "health", "steady_window", "no_steady", *told)
    assert {name: getattr(back, name) for name in kept} == {name: getattr(result, name) for name in kept}
    assert back.steady_rows is not None
    assert result.steady_rows is not None
    assert back.steady_rows.tolist() == result.steady_rows.tolist()
    assert (back.verdicts, back.exploration, back.confirmations) == ([], None, 0)


def test_a_suspect_cache_is_suspect_again(
    build_trace: Callable[..., Trace], measured: Measured, written: Written
) -> None:
    trace = build_trace({"sent": 0, "chunks": [5, 6], "end": 7, "input_tokens": 10, "cached_tokens": 8})

    for expected in (True, False):
        result = measured(trace, cache_expected=expected)
        assert only_result(read_report(written(result))).suspect == result.suspect
        assert bool(result.suspect) is not expected


def test_an_empty_load_comes_back_empty(
    build_trace: Callable[..., Trace], measured: Measured, written: Written
) -> None:
    result = measured(build_trace(), stages=(), steady_window=None)
    back = only_result(read_report(written(result)))

    assert len(back.trace) == 0
    assert figures(back.stage_runs()) == figures(result.stage_runs())


def test_each_measurement_of_a_confirmed_case_comes_back(
    whole_load: Trace, measured: Measured, written: Written
) -> None:
    hour = 3_600_000_000_000
    stamps: dict[str, Any] = {
        name: np.where(getattr(whole_load, name) == UNKNOWN, UNKNOWN, getattr(whole_load, name) + hour)
        for name in ("t_scheduled", "t_sent", "t_first", "t_last", "t_end", "chunk_stamps")
    }
    loads = [
        replace(whole_load, request_id=tuple(f"npuperf-aaa-{i}" for i in range(40))),
        replace(whole_load, request_id=tuple(f"npuperf-bbb-{i}" for i in range(40)), **stamps),
    ]
    result = pooled_result([measured(load, warmup_window=(-1.0, 0.5)) for load in loads])
    back = only_result(read_report(written(result)))

    assert back.confirmations == 1
    assert back.warmup_window == (-1.0, 0.5)
    assert back.trace.conversation.tolist() == result.trace.conversation.tolist()
    for one, other in zip(back.measurements, result.measurements, strict=True):
        assert figures(one.stage_runs()) == figures(other.stage_runs())
    assert figures(back.stage_runs()) == figures(result.stage_runs())


def test_verdicts_come_back(whole_load: Trace, measured: Measured, written: Written) -> None:
    result = measured(whole_load, "ttft.p99 < 1 ms", "steady.itl.avg < 1 s", "goodput(ttft < 1 s) >= 1 %")
    result.judge_implied()
    (case,) = read_report(written(result)).cases

    def shown(verdict: Verdict) -> tuple[Any, ...]:
        ends = (finite(verdict.low), finite(verdict.high))
        return (verdict.budget, verdict.measured, verdict.n, verdict.needed_n, verdict.outcome, *ends)

    def finite(end: float | None) -> float | None:
        return None if end is None or isinf(end) else end

    assert [shown(verdict) for verdict in case.verdicts] == [shown(verdict) for verdict in result.verdicts]


def test_a_verdict_on_no_metric_comes_back_from_its_parts(
    whole_load: Trace, measured: Measured, written: Written
) -> None:
    capacity = replace(
        parse_budget("request_throughput >= 4 req/s"), expression="capacity >= 4 req/s", metric="capacity"
    )
    result = measured(whole_load)
    result.verdicts.append(Verdict(budget=capacity, measured=8.0, n=3, outcome="pass"))
    (case,) = read_report(written(result)).cases

    (verdict,) = case.verdicts
    assert (verdict.budget, verdict.measured) == (replace(capacity, bound=4.0), 8.0)


def test_the_steps_of_a_sweep_come_back(whole_load: Trace, measured: Measured, written: Written) -> None:
    result = measured(whole_load)
    step = measured_step(4, result.summary, kept=None, ended_early="", client_bound=False)
    sweep = Exploration(axis="rate", search=None, steps=(step,), end=End("all_measured"))

    assert only_result(read_report(written(replace(result, exploration=sweep)))).exploration == sweep


def test_why_a_pass_would_mean_nothing_comes_back_in_full(
    build_trace: Callable[..., Trace], measured: Measured, written: Written
) -> None:
    trace = build_trace(
        *({"sent": i, "chunks": [i + 5], "end": i + 6, "asked_output_tokens": 9} for i in range(20))
    )
    result = measured(trace, sent=21)
    lost, missed = result.vacuous
    (case,) = read_report(written(result)).cases

    assert "not accounted for" in lost
    assert case.unseen == (lost,)
    assert case.result.vacuous == (missed,)

    result.judge([parse_budget("missed_output_length <= 100 %")])
    (case,) = read_report(written(result)).cases
    assert case.unseen == (lost,), "a budget on the lengths has taken the place of the other reason"


def test_a_fingerprint_is_that_of_the_run(whole_load: Trace, measured: Measured, written: Written) -> None:
    report = read_report(written(measured(whole_load)))
    made_with = report.made_with(only_result(report))

    assert made_with["model"] == "qwen"
    assert made_with["client architecture"] == "aarch64"
    assert made_with["workload"] is not None


def test_a_report_may_be_given_by_its_summary(
    whole_load: Trace, measured: Measured, written: Written
) -> None:
    directory = written(measured(whole_load), measured(whole_load, name="burst"))
    report = read_report(directory / "summary.json")

    assert report.directory == directory
    assert [case.result.name for case in report.cases] == ["chat", "burst"]
