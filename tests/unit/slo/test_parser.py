from __future__ import annotations

import contextlib
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_npuperf.errors import BudgetError
from pytest_npuperf.slo import Budget, parse_budget
from pytest_npuperf.slo.vocabulary import COMPARISONS, METRICS, STATISTICS, UNITS, Metric


def test_latency_budget_is_held_in_seconds() -> None:
    assert parse_budget("ttft.p99 < 500 ms") == Budget(
        expression="ttft.p99 < 500 ms",
        metric="ttft",
        statistic="p99",
        comparison="<",
        bound=0.5,
        unit="ms",
    )


def test_total_takes_no_statistic() -> None:
    budget = parse_budget("output_token_throughput >= 100 token/s")

    assert (budget.metric, budget.statistic) == ("output_token_throughput", None)
    assert (budget.comparison, budget.bound, budget.unit) == (">=", 100, "token/s")


@pytest.mark.parametrize(
    ("expression", "bound", "unit"),
    [
        ("itl.p99 < 800 us", 800e-6, "us"),
        ("itl.p99 < 9 ms", 0.009, "ms"),
        ("itl.p99 < 0.25 s", 0.25, "s"),
        ("benchmark_duration < 2 min", 120, "min"),
        ("output_tokens.avg >= 100 token", 100, "token"),
        ("output_tokens.avg >= 100", 100, "token"),
        ("total_output_tokens >= 100", 100, "token"),
        ("output_token_throughput >= 100", 100, "token/s"),
        ("request_throughput >= 1.5 req/s", 1.5, "req/s"),
        ("request_throughput >= 1.5", 1.5, "req/s"),
        ("concurrency <= 4", 4, ""),
        ("failed_requests == 0", 0, ""),
        ("failure_rate < 0.001", 0.001, ""),
        ("failure_rate < 0.1 %", 0.001, "%"),
        ("failure_rate <= 100 %", 1, "%"),
        ("cache_hit_rate < 5 %", 0.05, "%"),
        ("input_length_error < 150 %", 1.5, "%"),
    ],
)
def test_units_convert(expression: str, bound: float, unit: str) -> None:
    budget = parse_budget(expression)

    assert (budget.bound, budget.unit) == (bound, unit)


def test_percent_is_the_share_it_says() -> None:
    assert [parse_budget(f"failure_rate <= {n} %").bound for n in range(101)] == [n / 100 for n in range(101)]


@pytest.mark.parametrize("statistic", [*STATISTICS, "p5", "p50", "p90", "p99", "p99.9", "p99.99"])
def test_statistics(statistic: str) -> None:
    assert parse_budget(f"e2el.{statistic} < 1 s").statistic == statistic


@pytest.mark.parametrize(
    ("expression", "stage", "metric", "statistic"),
    [
        ("ttft.p90 < 1 s", "total", "ttft", "p90"),
        ("total.ttft.p90 < 1 s", "total", "ttft", "p90"),
        ("steady.ttft.p99.9 < 1 s", "steady", "ttft", "p99.9"),
        ("steady.output_token_throughput > 1", "steady", "output_token_throughput", None),
        ("turn 12.ttft.p90 < 1 s", "turn 12", "ttft", "p90"),
    ],
)
def test_stage_stands_first_and_is_the_total_where_there_is_none(
    expression: str, stage: str, metric: str, statistic: str | None
) -> None:
    budget = parse_budget(expression)

    assert (budget.stage, budget.metric, budget.statistic) == (stage, metric, statistic)


@pytest.mark.parametrize("comparison", COMPARISONS)
def test_comparisons(comparison: str) -> None:
    assert parse_budget(f"ttft.max {comparison} 1 s").comparison == comparison


def test_white_space_does_not_matter_but_the_expression_is_kept_readable() -> None:
    assert parse_budget("ttft.p99<500ms").bound == 0.5
    assert parse_budget("  ttft.p99\n  <   500 ms ").expression == "ttft.p99 < 500 ms"


def assert_refused(text: str, message: str) -> None:
    with pytest.raises(BudgetError) as caught:
        parse_budget(text)
    assert str(caught.value) == message


METRICS_ALLOWED = (
    "metrics with a statistic, such as ttft.p99: e2el, ttft, tpot, itl, input_tokens, output_tokens, "
    "request_output_token_throughput, ttft_scheduled, e2el_scheduled, schedule_delay, receive_lag\n"
    "metrics without: benchmark_duration, total_requests, failed_requests, success_requests, "
    "cancelled_requests, failure_rate, concurrency, request_throughput, total_input_tokens, "
    "prefill_token_throughput, total_output_tokens, input_token_throughput, output_token_throughput, "
    "total_token_throughput, cached_tokens, cache_hit_rate, missed_output_length, input_length_error\n"
    "stages before either, such as steady.ttft.p99: total, steady, turn 1, turn 2, ..."
)
STATISTICS_ALLOWED = "statistics: avg, min, max, median and percentiles such as p90 or p99.9"
COMPARISONS_ALLOWED = "comparisons: < <= > >= =="
BOUNDS_ALLOWED = "bounds: numbers of 0 or more, written such as 500 or 0.5"
TIMES_ALLOWED = "units: ms, us, s, min"


@pytest.mark.parametrize(
    ("text", "fault", "pointer", "allowed"),
    [
        (
            "tttf.p99 < 500 ms",
            "unknown metric 'tttf'; did you mean 'ttft'?",
            "^^^^",
            METRICS_ALLOWED,
        ),
        (
            "E2EL.p99 < 20 s",
            "unknown metric 'E2EL'; did you mean 'e2el'?",
            "^^^^",
            METRICS_ALLOWED,
        ),
        (
            "goodput(ttft < 500 ms) >= 95 %",
            "unknown metric 'goodput(ttft'",
            "^^^^^^^^^^^^",
            METRICS_ALLOWED,
        ),
        (
            "< 500 ms",
            "no metric",
            "^",
            METRICS_ALLOWED,
        ),
        (
            "stable.ttft.p99 < 500 ms",
            "unknown metric 'stable'",
            "^^^^^^",
            METRICS_ALLOWED,
        ),
        (
            "turn 0.ttft.p99 < 500 ms",
            "unknown metric 'turn'",
            "^^^^",
            METRICS_ALLOWED,
        ),
        (
            "steady.tttf.p99 < 500 ms",
            "unknown metric 'tttf'; did you mean 'ttft'?",
            "       ^^^^",
            METRICS_ALLOWED,
        ),
        (
            "steady.ttft < 500 ms",
            "ttft has many values: name a statistic, such as ttft.p99",
            "       ^^^^",
            STATISTICS_ALLOWED,
        ),
        (
            "ttft.p100 < 500 ms",
            "unknown statistic 'p100'",
            "     ^^^^",
            STATISTICS_ALLOWED,
        ),
        (
            "ttft.meidan < 500 ms",
            "unknown statistic 'meidan'; did you mean 'median'?",
            "     ^^^^^^",
            STATISTICS_ALLOWED,
        ),
        (
            "ttft.mean < 500 ms",
            "unknown statistic 'mean'; did you mean 'avg'?",
            "     ^^^^",
            STATISTICS_ALLOWED,
        ),
        (
            "ttft < 500 ms",
            "ttft has many values: name a statistic, such as ttft.p99",
            "^^^^",
            STATISTICS_ALLOWED,
        ),
        (
            "ttft. < 500 ms",
            "ttft has many values: name a statistic, such as ttft.p99",
            "^^^^",
            STATISTICS_ALLOWED,
        ),
        (
            "ttft.p99 = 500 ms",
            "unknown comparison '='",
            "         ^",
            COMPARISONS_ALLOWED,
        ),
        (
            "ttft.p99 500 ms",
            "no comparison",
            "         ^",
            COMPARISONS_ALLOWED,
        ),
        (
            "ttft.p99 < ms",
            "no bound",
            "           ^",
            BOUNDS_ALLOWED,
        ),
        (
            "ttft.p99 <",
            "no bound",
            "          ^",
            BOUNDS_ALLOWED,
        ),
        (
            "ttft.p99 < 1,000 ms",
            "'1,000' is not a bound",
            "           ^^^^^",
            BOUNDS_ALLOWED,
        ),
        (
            "ttft.p99 < -5 ms",
            "'-5' is not a bound",
            "           ^^",
            BOUNDS_ALLOWED,
        ),
        (
            "ttft.p99 < 500",
            "ttft needs a unit",
            "              ^",
            TIMES_ALLOWED,
        ),
        (
            "ttft.p99 < 500 msec",
            "ttft has no unit 'msec'; did you mean 'ms'?",
            "               ^^^^",
            TIMES_ALLOWED,
        ),
        (
            "output_token_throughput >= 9 tokens/s",
            "output_token_throughput has no unit 'tokens/s'; did you mean 'token/s'?",
            "                             ^^^^^^^^",
            "units: token/s",
        ),
        (
            "failure_rate < 5",
            "failure_rate is a share and never above 1",
            "               ^",
            "shares: 0 to 1, or 0 % to 100 %",
        ),
    ],
)
def test_fault_is_named_and_pointed_at_with_what_is_allowed(
    text: str, fault: str, pointer: str, allowed: str
) -> None:
    assert_refused(text, f"budget '{text}': {fault}\n    {text}\n    {pointer}\n{allowed}")


@pytest.mark.parametrize(
    ("text", "fault", "pointer"),
    [
        (
            "concurrency.avg > 3",
            "concurrency is one figure and takes no statistic",
            "            ^^^",
        ),
        (
            "failed_requests == 0 %",
            "failed_requests takes no unit, not '%'",
            "                     ^",
        ),
    ],
)
def test_fault_is_named_and_pointed_at_where_nothing_is_allowed(text: str, fault: str, pointer: str) -> None:
    assert_refused(text, f"budget '{text}': {fault}\n    {text}\n    {pointer}")


@given(st.text() | st.from_regex(r"\A[a-z]{4}\.p\d+ ?[<>=]{1,2} ?[\d.]+ ?[a-z%]*\Z"))
def test_any_text_is_a_budget_or_a_budget_error(text: str) -> None:
    with contextlib.suppress(BudgetError):
        assert parse_budget(text).metric in METRICS


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_every_metric_takes_each_of_its_units_and_no_other(metric: Metric) -> None:
    figure = f"{metric.name}.p90" if metric.takes_statistic else metric.name

    for unit, size in UNITS.items():
        expression = f"{figure} >= 0.5 {unit}"
        if unit in metric.units:
            assert parse_budget(expression).bound == float(size) / 2
        else:
            with pytest.raises(BudgetError, match=r"\bunits?\b"):
                parse_budget(expression)


def test_parsing_imports_nothing_heavy() -> None:
    program = (
        "import sys; from pytest_npuperf.slo import parse_budget; parse_budget('ttft.p99 < 1 s');"
        "print({'numpy', 'pandas', 'plotly', 'httpx', 'yaml'} & set(sys.modules))"
    )

    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert run.stdout == "set()\n"
