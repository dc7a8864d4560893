from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_npuperf.metrics import Summary, summarize
from pytest_npuperf.slo import Verdict, implied_budgets, judge, parse_budget
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


@pytest.fixture
def summary(build_trace: Callable[..., Trace]) -> Summary:
    return summarize(build_trace(*LOAD), max_concurrency=3)


@pytest.fixture
def all_failed(build_trace: Callable[..., Trace]) -> Summary:
    return summarize(build_trace(LOAD[2]), max_concurrency=1)


@pytest.fixture
def none_sent(build_trace: Callable[..., Trace]) -> Summary:
    return summarize(build_trace(), max_concurrency=1)


def verdict(expression: str, summary: Summary) -> Verdict:
    (given,) = judge([parse_budget(expression)], [summary])
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
        ("itl.p99 < 1 s", 0.010, 3),
        ("output_tokens.max < 9 token", 4, 2),
        ("output_token_throughput < 99 token/s", 5 / 0.5, 3),
        ("request_throughput < 99 req/s", 2 / 0.5, 3),
        ("benchmark_duration < 1 min", 0.5, 3),
        ("failed_requests < 9", 1, 3),
        ("failure_rate < 50 %", 1 / 3, 3),
    ],
)
def test_verdict_says_what_was_measured_and_on_how_many_values(
    summary: Summary, expression: str, measured: float, n: int
) -> None:
    given = verdict(expression, summary)

    assert given.measured == pytest.approx(measured)
    assert given.n == n
    assert given.outcome == "pass"


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
    summary: Summary, comparison: str, holds_below: bool, holds_at: bool, holds_above: bool
) -> None:
    outcomes = [verdict(f"ttft.min {comparison} {bound} ms", summary).outcome for bound in (101, 100, 99)]

    assert outcomes == ["pass" if holds else "fail" for holds in (holds_below, holds_at, holds_above)]


@pytest.mark.parametrize("comparison", ["<", "<=", "==", ">=", ">"])
@pytest.mark.parametrize("figure", ["ttft.p99", "itl.avg", "prefill_token_throughput"])
def test_budget_on_what_was_not_measured_fails_whatever_it_asks(
    all_failed: Summary, figure: str, comparison: str
) -> None:
    unit = "token/s" if figure == "prefill_token_throughput" else "ms"

    given = verdict(f"{figure} {comparison} 0 {unit}", all_failed)

    assert given.measured is None
    assert given.outcome == "fail"


def test_budget_on_an_empty_sample_rests_on_0_values(all_failed: Summary) -> None:
    assert verdict("ttft.p99 < 1 s", all_failed).n == 0


def test_budget_on_unknown_input_lengths_fails(build_trace: Callable[..., Trace]) -> None:
    trace = build_trace({"sent": 0, "chunks": [100], "end": 110, "input_tokens": UNKNOWN})

    assert verdict("total_input_tokens >= 0", summarize(trace, max_concurrency=1)).outcome == "fail"


def test_verdicts_come_in_the_order_of_the_budgets(summary: Summary) -> None:
    budgets = [parse_budget(text) for text in ("ttft.max < 1 s", "e2el.max < 1 ms", "ttft.max < 1 s")]

    verdicts = judge(budgets, [summary])

    assert [given.budget for given in verdicts] == budgets
    assert [given.outcome for given in verdicts] == ["pass", "fail", "pass"]


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_every_metric_is_judged_on_a_plain_number(summary: Summary, metric: Metric) -> None:
    figure = f"{metric.name}.p90" if metric.takes_statistic else metric.name

    given = verdict(f"{figure} >= 0 {metric.units[0]}", summary)

    assert type(given.measured) in (int, float)
    assert type(given.n) is int


@pytest.fixture
def steady(build_trace: Callable[..., Trace]) -> Summary:
    return summarize(build_trace(LOAD[0]), max_concurrency=3, stage="steady")


def test_budget_is_judged_on_the_stage_it_names(summary: Summary, steady: Summary) -> None:
    budgets = [parse_budget(f"{stage}ttft.max < 200 ms") for stage in ("", "total.", "steady.")]

    verdicts = judge(budgets, [summary, steady])

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
        ("steady.failed_requests == 0", "", "no steady stage: the case does not ask for one"),
        ("turn 3.ttft.p90 < 1 s", "", "no request belonged to turn 3"),
    ],
)
def test_budget_on_a_stage_that_does_not_exist_fails_and_says_why(
    summary: Summary, expression: str, no_steady: str, reason: str
) -> None:
    (given,) = judge([parse_budget(expression)], [summary], no_steady=no_steady)

    assert (given.measured, given.n, given.outcome, given.reason) == (None, 0, "fail", reason)


def implied(expressions: list[str], summary: Summary) -> list[str]:
    budgets = implied_budgets([parse_budget(text) for text in expressions], summary)
    assert all(budget.implied for budget in budgets)
    return [budget.expression for budget in budgets]


def test_no_request_may_fail_where_no_budget_speaks_of_failures(summary: Summary) -> None:
    assert implied([], summary) == ["failed_requests == 0"]
    assert implied(["ttft.p99 < 1 s", "total_requests == 3"], summary) == ["failed_requests == 0"]


@pytest.mark.parametrize(
    "expression", ["failed_requests <= 3", "failure_rate < 50 %", "success_requests >= 2"]
)
def test_nothing_is_implied_where_a_budget_speaks_of_failures(summary: Summary, expression: str) -> None:
    assert implied(["ttft.p99 < 1 s", expression], summary) == []


def test_a_budget_of_one_stage_does_not_speak_of_the_failures_of_the_others(summary: Summary) -> None:
    assert implied(["steady.failed_requests <= 3"], summary) == ["failed_requests == 0"]


def test_cancelled_requests_break_nothing_that_is_implied(build_trace: Callable[..., Trace]) -> None:
    summary = summarize(build_trace(LOAD[0], {**LOAD[2], "error": "cancelled"}), max_concurrency=2)

    (given,) = judge(implied_budgets([], summary), [summary])

    assert (given.measured, given.outcome) == (0, "pass")


def test_one_success_is_implied_where_all_failed_whatever_the_budgets_allow(all_failed: Summary) -> None:
    assert implied(["failure_rate <= 100 %"], all_failed) == ["success_requests > 0"]
    assert implied([], all_failed) == ["failed_requests == 0", "success_requests > 0"]


def test_one_success_is_implied_where_none_was_sent(none_sent: Summary) -> None:
    assert implied(["failed_requests == 0"], none_sent) == ["success_requests > 0"]


@pytest.mark.parametrize("load", ["summary", "all_failed", "none_sent"])
def test_implied_budgets_fail_every_load_with_a_failure_or_without_a_success(
    request: pytest.FixtureRequest, load: str
) -> None:
    summary: Summary = request.getfixturevalue(load)

    outcomes = [given.outcome for given in judge(implied_budgets([], summary), [summary])]

    assert "fail" in outcomes


def test_implied_budgets_hold_where_every_request_succeeded(build_trace: Callable[..., Trace]) -> None:
    summary = summarize(build_trace(*LOAD[:2]), max_concurrency=2)

    (given,) = judge(implied_budgets([], summary), [summary])

    assert (given.budget.expression, given.measured, given.outcome) == ("failed_requests == 0", 0, "pass")


def test_written_budgets_are_not_marked_as_implied() -> None:
    assert not parse_budget("failed_requests == 0").implied
