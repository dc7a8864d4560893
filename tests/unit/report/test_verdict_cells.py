from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest

from pytest_npuperf.report.verdict_cells import (
    bound_of,
    bound_text,
    interval_text,
    measured_text,
    n_text,
    verdict_text,
)
from pytest_npuperf.slo import Verdict, parse_budget
from pytest_npuperf.slo.budget import Relative


def _verdict(expression: str, measured: float | None, n: int = 8) -> Verdict:
    return Verdict(budget=parse_budget(expression), measured=measured, n=n, outcome="fail")


def _relative(bound: float | None) -> Verdict:
    budget = replace(parse_budget("ttft.p99 < 1 ms"), bound=0, unit="%", relative=Relative(0.1))
    return Verdict(budget=budget, measured=0.6, n=8, outcome="fail", bound=bound)


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


def test_the_bound_stands_in_the_budget_s_unit() -> None:
    assert bound_text(_verdict("ttft.p99 < 0.5 s", 1)) == "< 0.5 s"
    assert bound_text(_verdict("failure_rate <= 7 %", 1)) == "<= 7 %"


def test_the_bound_of_a_relative_budget_is_what_followed_from_the_baseline() -> None:
    assert bound_of(_relative(0.55)) == 0.55
    assert bound_text(_relative(0.55)) == "< 550 ms"
    assert bound_text(_relative(None)) == "< -"
    assert bound_of(_verdict("ttft.p99 < 500 ms", 1)) == 0.5


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (0.6123456, 0.70194, "612.3 .. 701.9 ms"),
        (12.345678, 13.5, "12346 .. 13500 ms"),
        (0.6, inf, "600 .. infinite ms"),
        (inf, inf, "infinite"),
        (inf, None, "infinite"),
        (0.6, None, "≥ 600 ms"),
        (None, 0.6, "≤ 600 ms"),
        (None, None, "-"),
    ],
)
def test_an_interval_has_four_digits_and_a_sign_where_it_is_open(
    low: float | None, high: float | None, shown: str
) -> None:
    assert interval_text(replace(_verdict("ttft.p99 < 1 ms", 1), low=low, high=high)) == shown


def test_an_infinite_figure_has_no_unit() -> None:
    assert measured_text(_verdict("ttft.p99 < 1 ms", inf)) == "infinite"


def test_an_unsupported_figure_says_how_many_values_it_takes() -> None:
    verdict = replace(_verdict("ttft.p99 < 1 ms", 1), outcome="pass", needed_n=299)
    assert (n_text(verdict), verdict_text(verdict)) == ("8 (needs 299)", "pass (unsupported)")


def test_an_outcome_is_marked_where_it_is_close_or_advisory() -> None:
    verdict = replace(_verdict("ttft.p99 < 1 ms", 1), close=True)
    assert verdict_text(verdict) == "FAIL (close)"
    advisory = replace(verdict, budget=replace(verdict.budget, advisory=True))
    assert verdict_text(advisory) == "FAIL (close, advisory)"
    assert verdict_text(replace(verdict, close=False, outcome="inconclusive")) == "inconclusive"


def test_a_capacity_says_what_it_counts() -> None:
    budget = replace(parse_budget("total_requests >= 1"), metric="capacity")
    found = Verdict(budget=budget, measured=19.0, n=240, outcome="pass")
    assert (measured_text(found), bound_text(found)) == ("19 clients", ">= 1 clients")
    of_rate = replace(found, budget=replace(budget, unit="req/s"), measured=2.5)
    assert (measured_text(of_rate), bound_text(of_rate)) == ("2.5 req/s", ">= 1 req/s")
