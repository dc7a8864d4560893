from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pytest_npuperf.capacity import End, Exploration, LoadAxis, Search, Step, measured_step
from pytest_npuperf.metrics import summarize
from pytest_npuperf.slo import parse_budget
from pytest_npuperf.trace import Trace

BUDGETS = (parse_budget("ttft.p99 < 500 ms"),)


def exploration(end: End, axis: LoadAxis = "concurrency", steps: tuple[Step, ...] = ()) -> Exploration:
    return Exploration(axis=axis, search=Search(axis, BUDGETS, 2, 64), steps=steps, end=end)


def test_a_search_that_found_nothing_breaks_an_implied_budget(make_step: Callable[..., Step]) -> None:
    steps = (make_step(2), replace(make_step(2), requests=120))
    verdict = exploration(End("lowest_broken"), steps=steps).capacity_verdict()
    assert verdict is not None
    assert (verdict.budget.expression, verdict.budget.implied) == ("capacity >= 2", True)
    assert (verdict.outcome, verdict.measured, verdict.n) == ("fail", None, 120)


def test_a_search_that_found_a_load_keeps_it(make_step: Callable[..., Step]) -> None:
    found = replace(make_step(8), kept=True, requests=240)
    broken = replace(make_step(9), kept=False, requests=270)
    verdict = exploration(End("edge", found=8, neighbour=9), steps=(found, broken)).capacity_verdict()
    assert verdict is not None
    assert (verdict.outcome, verdict.measured, verdict.n) == ("pass", 8, 240)


def test_a_rate_has_its_unit() -> None:
    verdict = exploration(End("highest_kept", found=64.0), axis="rate").capacity_verdict()
    assert verdict is not None
    assert (verdict.budget.expression, verdict.budget.unit) == ("capacity >= 2 req/s", "req/s")


def test_what_was_interrupted_is_not_judged() -> None:
    assert exploration(End("stopped")).capacity_verdict() is None


def test_a_sweep_finds_nothing_that_could_be_judged() -> None:
    swept = Exploration(axis="rate", search=None, steps=(), end=End("all_measured"))
    assert swept.capacity_verdict() is None


def test_a_step_has_the_key_figures_of_its_summary(build_trace: Callable[..., Trace]) -> None:
    trace = build_trace(
        {"sent": 0, "chunks": [100, 110, 120], "end": 200},
        {"sent": 0, "end": 400, "error": "http_status"},
    )
    step = measured_step(
        3, summarize(trace, max_concurrency=3), kept=False, ended_early="", client_bound=False
    )
    assert (step.load, step.kept, step.requests, step.failed_requests) == (3, False, 2, 1)
    latencies = (step.ttft_p50, step.ttft_p99, step.tpot_p50, step.tpot_p99, step.e2el_p99)
    assert latencies == pytest.approx((0.1, 0.1, 0.05, 0.05, 0.2))
    assert (step.output_token_throughput, step.request_throughput) == pytest.approx((3 / 0.4, 1 / 0.4))


def test_a_step_without_a_success_has_no_latencies(build_trace: Callable[..., Trace]) -> None:
    trace: Any = build_trace({"sent": 0, "end": 400, "error": "http_status"})
    step = measured_step(
        3, summarize(trace, max_concurrency=3), kept=False, ended_early="", client_bound=False
    )
    assert (step.ttft_p99, step.tpot_p99, step.e2el_p99) == (None, None, None)
