from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf

import pytest

from pytest_npuperf.slo import Evidence, Verdict, judge, parse_budget
from pytest_npuperf.slo.vocabulary import METRICS, Metric
from pytest_npuperf.trace import UNKNOWN, Trace

# TTFT 100 and 300 ms, three gaps of 10 ms, 4 and 1 token in 0.5 s; one request failed.
LOAD = (
    {
        "sent": 0,
        "chunks": [100, 110, 120, 130],
        "end": 140,
        "lags": [1, 2, 3, 4],
        "cached_tokens": 5,
        "asked_input_tokens": 8,
        "asked_output_tokens": 4,
    },
    {"sent": 0, "chunks": [300], "end": 310},
    {"sent": 0, "end": 500, "error": "timeout_total"},
)

EvidenceOf = Callable[..., Evidence]
BuildTrace = Callable[..., Trace]


@pytest.fixture
def evidence(build_trace: BuildTrace, evidence_of: EvidenceOf) -> Evidence:
    return evidence_of(build_trace(*LOAD))


@pytest.fixture
def successes(build_trace: BuildTrace, evidence_of: EvidenceOf) -> Evidence:
    return evidence_of(build_trace(*LOAD[:2]))


@pytest.fixture
def all_failed(build_trace: BuildTrace, evidence_of: EvidenceOf) -> Evidence:
    return evidence_of(build_trace(LOAD[2]))


def verdict(expression: str, evidence: Evidence) -> Verdict:
    (given,) = judge([parse_budget(expression)], evidence)
    return given


@pytest.mark.parametrize(
    ("expression", "measured", "n"),
    [
        ("ttft.avg < 1 s", 0.200, 2),
        ("ttft.min < 1 s", 0.100, 2),
        ("ttft.max < 1 s", 0.300, 2),
        ("ttft.median < 1 s", 0.200, 2),
        ("ttft.p75 < 1 s", 0.250, 2),
        ("ttft.p99.5 < 1 s", 0.299, 2),
        ("tpot.p99 < 1 s", 0.040 / 3, 1),
        ("itl.p99 < 1 s", 0.010, 1),
        ("receive_lag.max < 1 s", 4e-9, 4),
        ("output_tokens.max < 9 token", 4, 2),
        ("output_token_throughput < 99 token/s", 5 / 0.31, 2),
        ("request_throughput < 99 req/s", 2 / 0.31, 2),
        ("goodput(ttft < 200 ms) < 99 %", 1 / 2, 2),
        ("goodput_rate(ttft < 200 ms) < 9 req/s", 1 / 0.31, 2),
    ],
)
def test_verdict_says_what_was_measured_and_on_how_many_requests(
    successes: Evidence, expression: str, measured: float, n: int
) -> None:
    given = verdict(expression, successes)

    assert given.measured == pytest.approx(measured)
    assert given.n == n
    assert given.outcome == "pass"
    assert given.of_successes is None


@pytest.mark.parametrize(
    ("expression", "measured", "n", "of_successes"),
    [
        ("ttft.avg < 1 s", 0.200, 2, None),
        ("ttft.min < 1 s", 0.100, 2, None),
        ("ttft.median < 1 s", 0.300, 3, 0.200),
        ("ttft.max < 1 s", inf, 3, 0.300),
        ("e2el_scheduled.p99 < 1 s", inf, 3, 0.3083),
        ("itl.max < 1 s", 0.010, 1, None),
        ("output_tokens.max < 9 token", 4, 2, None),
        ("schedule_delay.p99 < 1 s", 0, 3, None),
        ("benchmark_duration < 1 min", 0.5, 3, None),
        ("failed_requests < 9", 1, 3, None),
        ("failure_rate < 50 %", 1 / 3, 3, None),
        ("goodput(ttft < 200 ms) < 99 %", 1 / 3, 3, None),
    ],
)
def test_failed_requests_count_as_infinitely_slow_in_percentiles_and_maxima_of_latencies(
    evidence: Evidence, expression: str, measured: float, n: int, of_successes: float | None
) -> None:
    given = verdict(expression, evidence)

    assert given.measured == pytest.approx(measured)
    assert given.n == n
    assert given.of_successes == (None if of_successes is None else pytest.approx(of_successes))
    assert given.outcome == ("fail" if measured == inf else "pass")


@pytest.mark.parametrize(
    ("comparison", "holds_below", "holds_at", "holds_above"),
    [
        ("<", True, False, False),
        ("<=", True, True, False),
        ("==", False, True, False),
        (">=", False, True, True),
        (">", False, False, True),
    ],
)
def test_comparison_holds_below_at_and_above_the_bound(
    evidence: Evidence, comparison: str, holds_below: bool, holds_at: bool, holds_above: bool
) -> None:
    outcomes = [verdict(f"ttft.min {comparison} {bound} ms", evidence).outcome for bound in (101, 100, 99)]

    assert outcomes == ["pass" if holds else "fail" for holds in (holds_below, holds_at, holds_above)]


@pytest.mark.parametrize("comparison", ["<", "<=", "==", ">=", ">"])
@pytest.mark.parametrize("figure", ["ttft.avg", "itl.p99", "prefill_token_throughput"])
def test_budget_on_what_was_not_measured_fails_whatever_it_asks(
    all_failed: Evidence, figure: str, comparison: str
) -> None:
    unit = "token/s" if figure == "prefill_token_throughput" else "ms"

    given = verdict(f"{figure} {comparison} 0 {unit}", all_failed)

    assert given.measured is None
    assert (given.outcome, given.close, given.unsettled) == ("fail", False, False)


def test_what_was_not_measured_passes_no_relative_budget_either(all_failed: Evidence) -> None:
    given = verdict("itl.p99 <= baseline", all_failed)

    assert (given.measured, given.outcome, given.unsettled) == (None, "fail", False)


def test_budget_on_an_empty_sample_rests_on_0_values(all_failed: Evidence) -> None:
    assert verdict("ttft.avg < 1 s", all_failed).n == 0


def test_budget_on_unknown_input_lengths_fails(build_trace: BuildTrace, evidence_of: EvidenceOf) -> None:
    trace = build_trace({"sent": 0, "chunks": [100], "end": 110, "input_tokens": UNKNOWN})

    assert verdict("total_input_tokens >= 0", evidence_of(trace)).outcome == "fail"


def test_verdicts_come_in_the_order_of_the_budgets(successes: Evidence) -> None:
    budgets = [parse_budget(text) for text in ("ttft.max < 1 s", "e2el.max < 1 ms", "ttft.max < 1 s")]

    verdicts = judge(budgets, successes)

    assert [given.budget for given in verdicts] == budgets
    assert [given.outcome for given in verdicts] == ["pass", "fail", "pass"]
    assert [given.bound for given in verdicts] == [1.0, 0.001, 1.0]


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_every_metric_is_judged_on_plain_numbers(successes: Evidence, metric: Metric) -> None:
    figure = f"{metric.name}.p90" if metric.takes_statistic else metric.name

    given = verdict(f"{figure} >= 0 {metric.units[0]}", successes)

    assert given.outcome == "pass"
    assert type(given.measured) in (int, float)
    assert type(given.n) is int
    assert {type(given.low), type(given.high)} <= {float, type(None)}


def test_the_smallest_percentile_is_the_minimum_and_has_no_interval(successes: Evidence) -> None:
    for metric in ("ttft", "itl"):
        given = verdict(f"{metric}.p0 < 1 ms", successes)
        assert (given.outcome, given.low, given.high, given.unsettled) == ("fail", None, None, False)


def test_budget_is_judged_on_the_stage_it_names(build_trace: BuildTrace, evidence_of: EvidenceOf) -> None:
    evidence = evidence_of(build_trace(*LOAD[:2]), steady=build_trace(LOAD[0]))
    budgets = [parse_budget(f"{stage}ttft.max < 200 ms") for stage in ("", "total.", "steady.")]

    verdicts = judge(budgets, evidence)

    assert [(given.measured, given.outcome) for given in verdicts] == [
        (0.3, "fail"),
        (0.3, "fail"),
        (0.1, "pass"),
    ]
    assert [given.reason for given in verdicts] == [""] * 3


@pytest.mark.parametrize(
    ("expression", "no_steady", "reason"),
    [
        (
            "steady.ttft.p90 < 1 s",
            "no request was successful",
            "no steady stage: no request was successful",
        ),
        (
            "steady.failed_requests == 0",
            "",
            "no steady stage: the case does not ask for one by `stage: steady`",
        ),
        (
            "steady.ttft.p90 <= baseline",
            "",
            "no steady stage: the case does not ask for one by `stage: steady`",
        ),
        ("turn 3.ttft.p90 < 1 s", "", "no request belonged to turn 3"),
    ],
)
def test_budget_on_a_stage_that_does_not_exist_fails_and_says_why(
    evidence: Evidence, expression: str, no_steady: str, reason: str
) -> None:
    given = verdict(expression, replace(evidence, no_steady=no_steady))

    assert (given.measured, given.n, given.outcome, given.reason) == (None, 0, "fail", reason)


def test_the_same_evidence_always_gets_the_same_verdicts(
    build_trace: BuildTrace, evidence_of: EvidenceOf
) -> None:
    rows = [{"sent": 0, "chunks": [100 + i, 140 + 2 * i, 150 + 5 * i], "end": 500 + i} for i in range(60)]
    evidence = evidence_of(build_trace(*rows))
    budgets = [parse_budget(text) for text in ("itl.p90 < 1 s", "ttft.avg < 1 s", "request_throughput < 1")]

    assert judge(budgets, evidence) == judge(budgets, evidence)
