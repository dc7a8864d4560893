from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_npuperf.report import verdict_table
from pytest_npuperf.report.verdicts import broken_budgets, measured_text
from pytest_npuperf.slo import Verdict, parse_budget


def _verdict(expression: str, measured: float | None, n: int = 8, *, implied: bool = False) -> Verdict:
    budget = replace(parse_budget(expression), implied=implied)
    return Verdict(budget=budget, measured=measured, n=n, outcome="fail")


def test_the_table_has_expression_bound_measured_n_and_verdict() -> None:
    verdicts = [
        _verdict("ttft.p99 < 500 ms", 0.8123456789),
        replace(_verdict("output_token_throughput >= 100 token/s", 115.7835), outcome="pass"),
        _verdict("failed_requests == 0", 3, implied=True),
        _verdict("tpot.p90 < 0.05 s", None, 0),
    ]
    assert (
        verdict_table(verdicts)
        == """\
expression                              bound           measured          n    verdict
--------------------------------------  --------------  ----------------  ---  ---------
ttft.p99 < 500 ms                       < 500 ms        812.3457 ms       8    FAIL
output_token_throughput >= 100 token/s  >= 100 token/s  115.7835 token/s  8    pass
failed_requests == 0 (implied)          == 0            3                 8    FAIL
tpot.p90 < 0.05 s                       < 0.05 s        -                 0    FAIL"""
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


@pytest.mark.parametrize(
    ("expression", "measured", "shown"),
    [
        ("e2el.p99 < 20 s", 21.5, "21.5 s"),
        ("e2el.p99 < 1 min", 90.0, "1.5 min"),
        ("ttft.avg < 900 us", 0.001, "1000.0 us"),
        ("failure_rate <= 5 %", 0.0625, "6.25 %"),
        ("failure_rate <= 0.05", 0.0625, "0.0625"),
        ("concurrency >= 3.5", 2.25, "2.25"),
        ("total_requests >= 10", 8, "8"),
    ],
)
def test_what_was_measured_stands_in_the_budget_s_unit(expression: str, measured: float, shown: str) -> None:
    assert measured_text(_verdict(expression, measured)) == shown


def test_a_miss_by_a_hair_is_shown_in_full() -> None:
    assert measured_text(_verdict("ttft.p99 < 500 ms", 0.50000001)) == "500.00001 ms"
    assert measured_text(_verdict("ttft.p99 < 500 ms", 0.5)) == "500.0 ms"
