from __future__ import annotations

import contextlib
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_npuperf.errors import BudgetError
from pytest_npuperf.slo import Budget, parse_budget
from pytest_npuperf.slo.budget import Relative
from pytest_npuperf.slo.vocabulary import COMPARISONS, GOODPUTS, METRICS, STATISTICS, UNITS, Metric


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


def test_goodput_has_the_bounds_that_each_request_has_to_meet() -> None:
    assert parse_budget("goodput(ttft < 500 ms, tpot < 50 ms) >= 95 %") == Budget(
        expression="goodput(ttft < 500 ms, tpot < 50 ms) >= 95 %",
        metric="goodput",
        statistic=None,
        comparison=">=",
        bound=0.95,
        unit="%",
        parts=(
            Budget("ttft < 500 ms", "ttft", None, "<", 0.5, "ms"),
            Budget("tpot < 50 ms", "tpot", None, "<", 0.05, "ms"),
        ),
    )


@pytest.mark.parametrize("unit", ["req/s", ""])
def test_goodput_rate_is_a_rate_of_requests(unit: str) -> None:
    budget = parse_budget(f"goodput_rate(e2el <= 2 s) >= 4 {unit}")

    assert (budget.metric, budget.comparison, budget.bound, budget.unit) == ("goodput_rate", ">=", 4, "req/s")
    assert [part.expression for part in budget.parts] == ["e2el <= 2 s"]


def test_stage_of_goodput_is_that_of_its_bounds() -> None:
    budget = parse_budget("steady.goodput(ttft < 1 s) >= 0.5")

    assert (budget.stage, budget.parts[0].stage, budget.bound, budget.unit) == ("steady", "steady", 0.5, "")


def test_white_space_in_goodput_does_not_matter() -> None:
    budget = parse_budget("goodput( ttft<1s ,\n output_tokens >= 3 )>=95%")

    assert [(part.metric, part.bound, part.unit) for part in budget.parts] == [
        ("ttft", 1, "s"),
        ("output_tokens", 3, "token"),
    ]
    assert budget.bound == 0.95


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_goodput_bounds_what_each_request_has_one_of(metric: Metric) -> None:
    expression = f"goodput({metric.name} >= 1 {metric.units[0]}) >= 95 %"
    of_request = {
        "ttft",
        "tpot",
        "e2el",
        "ttft_scheduled",
        "e2el_scheduled",
        "request_output_token_throughput",
        "output_tokens",
        "input_tokens",
        "schedule_delay",
    }
    if metric.name in of_request:
        assert parse_budget(expression).parts[0].metric == metric.name
    else:
        with pytest.raises(BudgetError, match=f"{metric.name} has (many values in|no value of) one request"):
            parse_budget(expression)


@pytest.mark.parametrize(
    ("bound", "relative"),
    [
        ("<= baseline", Relative(0.0)),
        ("<= baseline + 10 %", Relative(0.1)),
        ("< baseline+2.5%", Relative(0.025)),
        ("<= baseline + 300 %", Relative(3.0)),
        ("<= baseline - 5 %", Relative(-0.05, sign=-1)),
        (">= baseline - 99.9 %", Relative(-0.999, sign=-1)),
        ("<= baseline(main)", Relative(0.0, baseline="main")),
        ("<= baseline(release-1.2) + 5 %", Relative(0.05, baseline="release-1.2")),
        ("<= baseline ( 2024_01 ) + 5 %", Relative(0.05, baseline="2024_01")),
        ("<= baseline + noise", Relative(0.0, noise=True)),
        (">= baseline - noise", Relative(0.0, noise=True, sign=-1)),
        ("<= baseline + max(5 %, noise)", Relative(0.05, noise=True)),
        (">= baseline(a) - max(5%,noise)", Relative(-0.05, baseline="a", noise=True, sign=-1)),
        ("> baseline - max ( 5 % , noise )", Relative(-0.05, noise=True, sign=-1)),
    ],
)
def test_bounds_relative_to_a_baseline(bound: str, relative: Relative) -> None:
    budget = parse_budget(f"steady.ttft.p99 {bound}")

    assert budget.relative == relative
    assert (budget.stage, budget.metric, budget.statistic) == ("steady", "ttft", "p99")
    assert (budget.comparison, budget.bound, budget.unit) == (bound.split()[0], 0, "ms")


@pytest.mark.parametrize(
    ("bound", "change"),
    [
        ("<= baseline", 0),
        ("<= baseline + 10 %", 0.1),
        (">= baseline - 10 %", -0.1),
        ("<= baseline + noise", 0.07),
        (">= baseline - noise", -0.07),
        ("<= baseline + max(5 %, noise)", 0.07),
        ("<= baseline + max(9 %, noise)", 0.09),
        (">= baseline - max(5 %, noise)", -0.07),
        (">= baseline - max(9 %, noise)", -0.09),
    ],
)
def test_the_noise_floor_counts_on_the_side_of_the_bound(bound: str, change: float) -> None:
    relative = parse_budget(f"output_token_throughput {bound}").relative

    assert relative is not None
    assert relative.change_with(0.07) == change


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
    "of requests that meet bounds, such as goodput(ttft < 500 ms): goodput, goodput_rate\n"
    "stages before any of them, such as steady.ttft.p99: total, steady, turn 1, turn 2, ..."
)
REQUEST_METRICS_ALLOWED = (
    "metrics of one request: e2el, ttft, tpot, input_tokens, output_tokens, "
    "request_output_token_throughput, ttft_scheduled, e2el_scheduled, schedule_delay"
)
STATISTICS_ALLOWED = "statistics: avg, min, max, median and percentiles such as p90 or p99.9"
COMPARISONS_ALLOWED = "comparisons: < <= > >= =="
NUMBERS_ALLOWED = "bounds: numbers of 0 or more, written such as 500 or 0.5"
BOUNDS_ALLOWED = f"{NUMBERS_ALLOWED}, and baselines, written such as baseline + 10 %"
RELATIVES_ALLOWED = "bounds: baseline, baseline(NAME), and either with a margin, such as baseline + 10 %"
MARGINS_ALLOWED = "margins: 10 %, noise, max(5 %, noise)"
NAMES_ALLOWED = (
    "names: 1 to 100 letters, digits, dots, underscores and hyphens, a letter or digit first, "
    "such as release-1.2"
)
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
            "steady.godput(ttft < 500 ms) >= 95 %",
            "unknown metric 'godput'; did you mean 'goodput'?",
            "       ^^^^^^",
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
        (
            "ttft(e2el < 1 s) < 500 ms",
            "ttft takes no bounds in parentheses",
            "    ^",
            "metrics that take them: goodput, goodput_rate",
        ),
        (
            "goodput(ttft < 500 ms, tpto < 50 ms) >= 95 %",
            "unknown metric 'tpto'; did you mean 'tpot'?",
            "                       ^^^^",
            REQUEST_METRICS_ALLOWED,
        ),
        (
            "goodput(ttft < 500 ms, ) >= 95 %",
            "no metric",
            "                       ^",
            REQUEST_METRICS_ALLOWED,
        ),
        (
            "goodput(itl < 50 ms) >= 95 %",
            "itl has many values in one request; did you mean 'tpot'?",
            "        ^^^",
            REQUEST_METRICS_ALLOWED,
        ),
        (
            "goodput(goodput > 5) >= 95 %",
            "goodput has no value of one request",
            "        ^^^^^^^",
            REQUEST_METRICS_ALLOWED,
        ),
        (
            "goodput(ttft < 500 ms, tpot = 50 ms) >= 95 %",
            "unknown comparison '='",
            "                            ^",
            COMPARISONS_ALLOWED,
        ),
        (
            "goodput(ttft < 500 sec) >= 95 %",
            "ttft has no unit 'sec'",
            "                   ^^^",
            TIMES_ALLOWED,
        ),
        (
            "goodput(ttft < 500 ms, tpot < 50) >= 95 %",
            "tpot needs a unit",
            "                                ^",
            TIMES_ALLOWED,
        ),
        (
            "goodput(ttft < , tpot < 50 ms) >= 95 %",
            "no bound",
            "              ^",
            NUMBERS_ALLOWED,
        ),
        (
            "goodput(ttft < baseline + 5 %) >= 95 %",
            "a baseline has no figure for one request",
            "               ^^^^^^^^^^^^^^",
            NUMBERS_ALLOWED,
        ),
        (
            "goodput(ttft < 500 ms) >= 95",
            "goodput is a share and never above 1",
            "                          ^^",
            "shares: 0 to 1, or 0 % to 100 %",
        ),
        (
            "goodput_rate(ttft < 500 ms) >= 95 %",
            "goodput_rate has no unit '%'",
            "                                  ^",
            "units: req/s",
        ),
        (
            "goodput(ttft < 500 ms) >= baseline - 5 %",
            "goodput is not compared with a baseline: it counts the requests that meet bounds of its own",
            "                          ^^^^^^^^^^^^^^",
            NUMBERS_ALLOWED,
        ),
        (
            "total_requests >= baseline - 5 %",
            "total_requests is not compared with a baseline: how many requests there are is what the case "
            "asks for",
            "                  ^^^^^^^^^^^^^^",
            NUMBERS_ALLOWED,
        ),
        (
            "failed_requests <= baseline",
            "failed_requests is not compared with a baseline: a baseline should have none of them, and "
            "nothing is a share of none",
            "                   ^^^^^^^^",
            NUMBERS_ALLOWED,
        ),
        (
            "ttft.p99 == baseline + 10 %",
            "no two measurements are the same",
            "         ^^",
            "comparisons with a baseline: < <= > >=",
        ),
        (
            "ttft.p99 <= basline + 10 %",
            "unknown bound 'basline'; did you mean 'baseline'?",
            "            ^^^^^^^^^^^^^^",
            BOUNDS_ALLOWED,
        ),
        (
            "ttft.p99 <= baselines + 10 %",
            "unknown bound 'baselines'; did you mean 'baseline'?",
            "            ^^^^^^^^^^^^^^^^",
            BOUNDS_ALLOWED,
        ),
        (
            "ttft.p99 <= baseline(a/b) + 10 %",
            "'a/b' is no name for a baseline",
            "                     ^^^",
            NAMES_ALLOWED,
        ),
        (
            "ttft.p99 <= baseline() + 10 %",
            "'' is no name for a baseline",
            "                     ^",
            NAMES_ALLOWED,
        ),
        (
            "ttft.p99 <= baseline(main + 10 %",
            "the parenthesis is not closed",
            "                    ^^^^^^^^^^^^",
            RELATIVES_ALLOWED,
        ),
        (
            "ttft.p99 <= baseline * 1.1",
            "'* 1.1' cannot follow a baseline",
            "                     ^^^^^",
            RELATIVES_ALLOWED,
        ),
        (
            "ttft.p99 <= baseline(main) +",
            "no margin after '+'",
            "                            ^",
            MARGINS_ALLOWED,
        ),
        (
            "ttft.p99 <= baseline + 10",
            "a margin is a share of the baseline's figure and needs %",
            "                         ^",
            MARGINS_ALLOWED,
        ),
        (
            "ttft.p99 <= baseline + 50 ms",
            "a margin is a share of the baseline's figure, not 'ms'",
            "                          ^^",
            MARGINS_ALLOWED,
        ),
        (
            "ttft.p99 <= baseline + max(50 ms, noise)",
            "a margin is a share of the baseline's figure, not 'ms'",
            "                              ^^",
            MARGINS_ALLOWED,
        ),
        (
            "ttft.p99 <= baseline + nois",
            "'nois' is no margin",
            "                       ^^^^",
            MARGINS_ALLOWED,
        ),
        (
            "ttft.p99 <= baseline + max(noise, 5 %)",
            "'max(noise, 5 %)' is no margin",
            "                       ^^^^^^^^^^^^^^^",
            MARGINS_ALLOWED,
        ),
        (
            "ttft.p99 <= baseline + 5 %, noise)",
            "'5 %, noise)' is no margin",
            "                       ^^^^^^^^^^^",
            MARGINS_ALLOWED,
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
        (
            "goodput >= 95 %",
            "goodput counts requests that meet bounds: name them, such as goodput(ttft < 500 ms)",
            "^^^^^^^",
        ),
        (
            "goodput_rate( ) >= 4",
            "goodput_rate has no bound: name at least one, such as goodput_rate(ttft < 500 ms)",
            "            ^",
        ),
        (
            "goodput(ttft < 500 ms >= 95 %",
            "the parenthesis is not closed",
            "       ^",
        ),
        (
            "goodput((ttft < 500 ms)) >= 95 %",
            "the bounds of requests have no parentheses of their own",
            "        ^",
        ),
        (
            "goodput(ttft < 500 ms).p99 >= 95 %",
            "goodput is one figure and takes no statistic",
            "                       ^^^",
        ),
        (
            "goodput(ttft.p99 < 500 ms) >= 95 %",
            "one request has one ttft, which takes no statistic",
            "             ^^^",
        ),
        (
            "goodput(steady.ttft < 500 ms) >= 95 %",
            "a stage stands before the whole: steady.goodput(ttft < 500 ms)",
            "        ^^^^^^",
        ),
        (
            "ttft.p99 <= baseline - 100 %",
            "a bound below the baseline's figure has to leave some of it: less than 100 %",
            "                       ^^^",
        ),
    ],
)
def test_fault_is_named_and_pointed_at_where_nothing_is_allowed(text: str, fault: str, pointer: str) -> None:
    assert_refused(text, f"budget '{text}': {fault}\n    {text}\n    {pointer}")


@given(
    st.text()
    | st.from_regex(r"\A[a-z]{4}\.p\d+ ?[<>=]{1,2} ?[\d.]+ ?[a-z%]*\Z")
    | st.from_regex(r"\Agoodput ?\(( ?(ttft|tpot|[a-z.]*) ?[<>=]* ?\d* ?(ms|[(),%])?){0,3}\)? ?>= ?\d* ?%?\Z")
    | st.from_regex(
        r"\Attft\.p99 ?<= ?baseline ?(\([\w./ ]*\)?)? ?[-+]? ?(max ?\()?\d* ?[%,]? ?(noise)?\)?\Z"
    )
)
def test_any_text_is_a_budget_or_a_budget_error(text: str) -> None:
    with contextlib.suppress(BudgetError):
        assert parse_budget(text).metric in METRICS | GOODPUTS


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
