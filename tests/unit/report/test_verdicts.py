from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pytest_npuperf.report import failure_text, verdict_table
from pytest_npuperf.report.verdicts import broken_budgets, warned_budgets
from pytest_npuperf.result import CaseResult
from pytest_npuperf.slo import Verdict, parse_budget
from pytest_npuperf.slo.budget import Relative


def _verdict(expression: str, measured: float | None, n: int = 8, *, implied: bool = False) -> Verdict:
    budget = replace(parse_budget(expression), implied=implied)
    return Verdict(budget=budget, measured=measured, n=n, outcome="fail")


def test_the_table_has_budget_measured_interval_n_and_verdict() -> None:
    verdicts = [
        _verdict("ttft.p99 < 500 ms", 0.8123456789),
        replace(_verdict("output_token_throughput >= 100 token/s", 115.7835), outcome="pass"),
        _verdict("failed_requests == 0", 3, implied=True),
        _verdict("tpot.p90 < 0.05 s", None, 0),
    ]
    assert (
        verdict_table(verdicts)
        == """\
budget                                  measured          90 % interval    n    verdict
--------------------------------------  ----------------  ---------------  ---  ---------
ttft.p99 < 500 ms                       812.3457 ms       -                8    FAIL
output_token_throughput >= 100 token/s  115.7835 token/s  -                8    pass
failed_requests == 0 (implied)          3                 -                8    FAIL
tpot.p90 < 0.05 s                       -                 -                0    FAIL"""
    )


def test_the_table_is_plain_text() -> None:
    hostile = replace(parse_budget("ttft.p99 < 500 ms"), expression="ttft\x1b[31m < 500 ms")
    table = verdict_table([Verdict(budget=hostile, measured=1.0, n=1, outcome="fail")])
    assert table.isascii()
    assert "\x1b" not in table


def test_why_there_was_nothing_to_measure_stands_below_the_table() -> None:
    verdict = replace(_verdict("steady.ttft.p90 < 1 s", None, 0), reason="no steady stage: \x1b too short")
    *_, row, reason = verdict_table([verdict, _verdict("ttft.p90 < 1 s", None, 0)]).splitlines()
    assert row.startswith("ttft.p90 < 1 s")
    assert reason == r"steady.ttft.p90 < 1 s: no steady stage: \x1b too short"
    assert broken_budgets([verdict]) == r"steady.ttft.p90 < 1 s (no steady stage: \x1b too short)"


def test_a_row_with_all_there_is_to_say_fits_a_hundred_columns() -> None:
    verdict = _verdict("output_token_throughput >= 100 token/s", 95.12345678, 1200)
    table = verdict_table([replace(verdict, low=90.12345, high=99.87654, close=True)])
    assert table.endswith("  95.1235 token/s  90.12 .. 99.88 token/s  1200  FAIL (close)")
    assert max(map(len, table.splitlines())) <= 100


def test_what_a_relative_budget_was_held_against_stands_below_the_table() -> None:
    relative = replace(
        parse_budget("ttft.p99 < 1 ms"),
        expression="ttft.p99 <= baseline + 10 %",
        comparison="<=",
        unit="%",
        bound=0,
        relative=Relative(0.1),
    )
    verdict = Verdict(budget=relative, measured=0.6, n=300, outcome="fail", baseline=0.5, bound=0.55)
    *_, row, note = verdict_table([verdict]).splitlines()
    assert row.split() == ["ttft.p99", "<=", "baseline", "+", "10", "%", "600.0", "ms", "-", "300", "FAIL"]
    assert note == "ttft.p99 <= baseline + 10 %: baseline 500.0 ms (+20.0%), bound <= 550 ms"


def test_both_figures_are_told_where_failed_requests_count_as_infinitely_slow() -> None:
    verdict = replace(_verdict("ttft.p99 < 500 ms", float("inf"), 8), of_successes=0.1)
    *_, row, note = verdict_table([verdict]).splitlines()
    assert "infinite" in row
    assert note == (
        "ttft.p99 < 500 ms: 100.0 ms of the successful requests alone; failed ones count as infinitely slow"
    )


def test_advisory_and_undecided_budgets_only_warn() -> None:
    advisory = replace(parse_budget("tpot.p90 < 50 ms"), advisory=True)
    verdicts = [
        _verdict("ttft.p99 < 500 ms", 0.6),
        Verdict(budget=advisory, measured=0.06, n=8, outcome="fail"),
        replace(_verdict("e2el.p99 < 1 s", 1.5), outcome="inconclusive", reason="no change is not excluded"),
        replace(_verdict("e2el.avg < 1 s", 0.5), outcome="pass"),
    ]
    assert broken_budgets(verdicts) == "ttft.p99 < 500 ms (measured 600.0 ms)"
    assert warned_budgets(verdicts) == (
        "tpot.p90 < 50 ms (advisory, measured 60.0 ms), "
        "e2el.p99 < 1 s (inconclusive, no change is not excluded)"
    )


def test_a_failure_names_the_broken_budgets_first_and_how_to_repeat_it_last(
    make_result: Callable[..., CaseResult],
) -> None:
    once = make_result()
    result = replace(once, verdicts=[_verdict("ttft.p99 < 500 ms", 0.6)], measurements=(once, once))
    assert failure_text([result], "repeat it:\n  pytest").splitlines() == [
        "broken: ttft.p99 < 500 ms (measured 600.0 ms)",
        "",
        "chat (measured 2 times, pooled)",
        "budget             measured    90 % interval    n    verdict",
        "-----------------  ----------  ---------------  ---  ---------",
        "ttft.p99 < 500 ms  600.0 ms    -                8    FAIL",
        "",
        "repeat it:",
        "  pytest",
    ]


def test_a_failure_by_undecided_budgets_names_those(make_result: Callable[..., CaseResult]) -> None:
    undecided = replace(_verdict("e2el.p99 < 1 s", 1.5), outcome="inconclusive")
    first = failure_text([make_result(verdicts=[undecided])], "").splitlines()[0]
    assert first == "not kept: e2el.p99 < 1 s (inconclusive, measured 1.5 s)"


def test_a_failure_says_why_a_pass_would_mean_nothing(make_result: Callable[..., CaseResult]) -> None:
    kept = replace(_verdict("ttft.p99 < 500 ms", 0.2), outcome="pass")
    result = make_result(verdicts=[kept], sent=5, asked_models=("\x1b[31mred",))
    first, *rest = failure_text([result, make_result("burst")], "").splitlines()
    lost, foreign = first.split("; vacuous: ")
    assert lost.startswith("vacuous: 2 of 5 requests sent are not accounted for: ")
    assert foreign.startswith(r"2 of 2 answers came from the model 'model', but '\x1b[31mred' was asked for")
    assert rest[rest.index("chat") : rest.index("burst")] == [
        "chat",
        "budget             measured    90 % interval    n    verdict",
        "-----------------  ----------  ---------------  ---  ---------",
        "ttft.p99 < 500 ms  200.0 ms    -                8    pass",
        lost,
        f"vacuous: {foreign}",
        "",
    ]


def test_broken_budgets_stand_before_why_a_pass_would_mean_nothing(
    make_result: Callable[..., CaseResult],
) -> None:
    result = make_result(verdicts=[_verdict("ttft.p99 < 500 ms", 0.6)], sent=5)
    first = failure_text([result], "").splitlines()[0]
    assert first.startswith("broken: ttft.p99 < 500 ms (measured 600.0 ms); vacuous: 2 of 5 requests sent ")
