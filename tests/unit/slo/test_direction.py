from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_npuperf.slo.direction import direction_warning
from pytest_npuperf.slo.parser import parse_budget
from pytest_npuperf.slo.vocabulary import GOODPUTS, METRICS


def warning(expression: str) -> str:
    return direction_warning(parse_budget(expression))


@pytest.mark.parametrize(
    ("expression", "hint"),
    [
        ("ttft.p99 > 500 ms", "a higher ttft is worse; did you mean '<'?"),
        ("steady.e2el_scheduled.max >= 2 s", "a higher e2el_scheduled is worse; did you mean '<='?"),
        ("failure_rate >= 1 %", "a higher failure_rate is worse; did you mean '<='?"),
        (
            "output_token_throughput < 9 token/s",
            "a lower output_token_throughput is worse; did you mean '>'?",
        ),
        ("success_requests <= 9", "a lower success_requests is worse; did you mean '>='?"),
        ("goodput(ttft < 1 s) <= 95 %", "a lower goodput is worse; did you mean '>='?"),
        ("goodput_rate(ttft < 1 s) < 4", "a lower goodput_rate is worse; did you mean '>'?"),
        ("ttft.p99 >= baseline - 5 %", "a higher ttft is worse; did you mean '<='?"),
        ("request_throughput < baseline + 5 %", "a lower request_throughput is worse; did you mean '>'?"),
    ],
)
def test_a_comparison_the_wrong_way_round_is_warned_of(expression: str, hint: str) -> None:
    assert warning(expression) == f"budget {expression!r}: {hint}"


def test_bounds_of_requests_are_looked_at_too() -> None:
    expression = "goodput(ttft > 1 s, tpot < 50 ms, request_output_token_throughput <= 9) < 95 %"

    assert warning(expression) == (
        f"budget {expression!r}: a higher ttft is worse; did you mean '<'? "
        "a lower request_output_token_throughput is worse; did you mean '>='? "
        "a lower goodput is worse; did you mean '>'?"
    )


@pytest.mark.parametrize(
    "expression",
    [
        "ttft.p99 < 500 ms",
        "failed_requests == 0",
        "ttft.min == 1 s",
        "output_token_throughput >= 9",
        "goodput(ttft < 500 ms, tpot <= 50 ms) >= 95 %",
        "ttft.p99 <= baseline + 10 %",
        "ttft.p99 < baseline - 10 %",
        "output_token_throughput >= baseline - 5 %",
        "output_tokens.avg >= 100",
        "output_tokens.avg <= 100",
        "concurrency > 3",
        "concurrency < 3",
        "cache_hit_rate < 5 %",
        "cache_hit_rate > 5 %",
        "benchmark_duration > 30 s",
        "benchmark_duration < 30 s",
    ],
)
def test_other_comparisons_are_not(expression: str) -> None:
    assert warning(expression) == ""


def test_what_is_no_metric_of_the_language_has_no_direction() -> None:
    assert direction_warning(replace(parse_budget("concurrency > 2"), metric="capacity")) == ""


def test_which_side_of_each_metric_is_the_good_one() -> None:
    metrics = {**METRICS, **GOODPUTS}.values()

    assert {metric.name for metric in metrics if metric.direction == "lower"} == {
        "e2el",
        "ttft",
        "tpot",
        "itl",
        "ttft_scheduled",
        "e2el_scheduled",
        "schedule_delay",
        "receive_lag",
        "failed_requests",
        "failure_rate",
        "missed_output_length",
        "input_length_error",
    }
    assert {metric.name for metric in metrics if metric.direction == "higher"} == {
        "request_output_token_throughput",
        "success_requests",
        "request_throughput",
        "prefill_token_throughput",
        "input_token_throughput",
        "output_token_throughput",
        "total_token_throughput",
        "goodput",
        "goodput_rate",
    }
