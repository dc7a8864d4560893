"""What is refused however a case is written; what only Python can say wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_npuperf.capacity.settings import Search
from pytest_npuperf.case import Abort, Case
from pytest_npuperf.case_rules import bounds, faults
from pytest_npuperf.load.plan import (
    Cancel,
    ClosedLoop,
    Gamma,
    OpenLoop,
    Ramp,
    RateStep,
    Replay,
)
from pytest_npuperf.slo import Budget, parse_budget
from pytest_npuperf.workload import Conversation, Gsm8kShaped, Mooncake, ShareGpt
from pytest_npuperf.workload.lengths import Lognormal, Uniform

TRACE = Mooncake(Path("trace.jsonl"))


def conversation(turns: Any) -> Conversation:
    return Conversation(turns=turns, input_tokens=10, output_tokens=5)


def budgets(*expressions: str, advisory: bool = False) -> tuple[Budget, ...]:
    return tuple(replace(parse_budget(expression), advisory=advisory) for expression in expressions)


def faults_of(**settings: Any) -> list[tuple[str, str]]:
    case = Case(**({"name": "x", "dataset": Gsm8kShaped()} | settings))
    return [(fault.key, fault.what) for fault in faults(case)]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"load": ClosedLoop(4, think_time=0)},
        {"load": OpenLoop(0.1, concurrency=1)},
        {"load": OpenLoop((RateStep(0, 1), RateStep(1, 1)))},
        {"load": OpenLoop(Ramp(0, 1, 1))},
        {"load": OpenLoop(Ramp(1, 0, 1))},
        {"load": Replay(speed=0.5), "dataset": TRACE},
        {"slo": budgets("steady.ttft.p99 < 1 s", "total.ttft.p99 < 1 s"), "steady": True},
        {"slo": budgets("turn 2.ttft.p99 < 1 s"), "dataset": conversation(2)},
        {"slo": budgets("turn 3.ttft.p99 < 1 s"), "dataset": conversation([2, 3])},
        {"slo": budgets("turn 9.ttft.p99 < 1 s"), "dataset": conversation(Lognormal(mean=3, sigma=1))},
        {"slo": budgets("turn 9.ttft.p99 < 1 s"), "dataset": ShareGpt(Path("x"), turns="all")},
        {"slo": budgets("turn 2.ttft.p99 < 1 s"), "dataset": ShareGpt(Path("x"), turns=2)},
        {"warmup": 0, "requests": None, "duration": 0.1},
        {"cancel": Cancel(0.0, after_tokens=1)},
        {"abort": Abort(failure_rate=0.0, server_gone=0)},
        {"headers": {"X-Team_1": "a b", "x-empty": ""}, "extra_body": {"model": "adapter", "n": None}},
    ],
)
def test_what_makes_sense_has_no_fault(settings: dict[str, Any]) -> None:
    assert faults_of(**settings) == []


@pytest.mark.parametrize(
    ("settings", "key", "what"),
    [
        ({"requests": 0}, "requests", "0 is not allowed: give a whole number of at least 1"),
        ({"max_tokens": 0}, "max_tokens", "at least 1"),
        ({"warmup": -1}, "warmup", "at least 0"),
        ({"cooldown": -1}, "cooldown", "at least 0"),
        ({"duration": 0.0}, "duration", "0.0 is not allowed: give a number above 0"),
        ({"duration": float("inf")}, "duration", "inf is not allowed"),
        ({"load": ClosedLoop(0)}, "load.concurrency", "0 is not allowed"),
        (
            {"load": ClosedLoop(1, think_time=-1.0)},
            "load.think_time",
            "-1.0 is not allowed: give seconds, 0 or more",
        ),
        ({"load": OpenLoop(float("nan"))}, "load.rate", "nan is not allowed"),
        ({"load": OpenLoop(1, concurrency=0)}, "load.concurrency", "0 is not allowed"),
        ({"load": OpenLoop(1, Gamma(0))}, "load.arrival.gamma.burstiness", "0 is not allowed"),
        (
            {"load": OpenLoop((RateStep(-1, 1),))},
            "load.rate.steps[0].rate",
            "-1 is not allowed: give a rate, or 0",
        ),
        (
            {"load": OpenLoop((RateStep(1, 1), RateStep(1, 0)))},
            "load.rate.steps[1].duration",
            "0 is not allowed: give a number above 0",
        ),
        ({"load": OpenLoop((RateStep(0, 1),))}, "load.rate.steps", "nothing is ever sent"),
        (
            {"load": OpenLoop(Ramp(-1, 1, 1))},
            "load.rate.linear.start",
            "-1 is not allowed: give a rate, 0 or more",
        ),
        ({"load": OpenLoop(Ramp(0, 0, 1))}, "load.rate.linear", "nothing is ever sent"),
        ({"load": OpenLoop(Ramp(1, 2, 0))}, "load.rate.linear.duration", "0 is not allowed"),
        (
            {"load": Replay()},
            "load.replay",
            "a Gsm8kShaped dataset does not say when each request is sent: use",
        ),
        ({"load": OpenLoop(Ramp(0, 2, 1, "exponential"))}, "load.rate.exponential.start", "0 is not allowed"),
        ({"load": Replay(speed=0), "dataset": TRACE}, "load.replay.speed", "0 is not allowed"),
        ({"cancel": Cancel(10, after=1)}, "cancel.share", "10 is not allowed: give a share from 0 to 1"),
        ({"cancel": Cancel(0.1)}, "cancel", "give one of after (now None) and after_tokens (now None)"),
        ({"cancel": Cancel(0.1, after=1, after_tokens=2)}, "cancel", "(now 1) and after_tokens (now 2)"),
        ({"cancel": Cancel(0.1, after=0)}, "cancel.after", "0 is not allowed"),
        ({"abort": Abort(failure_rate=50)}, "abort.failure_rate", "50 is not allowed: give a share"),
        ({"abort": Abort(consecutive_failures=0)}, "abort.consecutive_failures", "at least 1"),
        ({"abort": Abort(server_gone=-1)}, "abort.server_gone", "at least 0"),
        ({"headers": {"Authorization": "Bearer x"}}, "headers", "pass --npuperf-api-key"),
        ({"headers": {"X-Request-ID": "1"}}, "headers", "'X-Request-ID' is not allowed: the client sets it"),
        ({"headers": {"content-length": "1"}}, "headers", "the client sets it itself"),
        ({"headers": {"host": "a"}}, "headers", "the client sets it itself"),
        ({"headers": {"a b": "c"}}, "headers", "'a b' is no name of a header"),
        ({"headers": {"x-a": "b\r\nhost: c"}}, "headers", "must be printable ASCII on one line"),
        ({"extra_body": {"messages": []}}, "extra_body", "'messages' is not allowed"),
        (
            {"slo": budgets("steady.ttft.p99 < 1 s")},
            "slo",
            "budget 'steady.ttft.p99 < 1 s': the case does not report its steady stage: ask for it by stage",
        ),
        (
            {"slo": budgets("ttft.p99 < 1 s", "steady.ttft.p99 < 1 s", advisory=True)},
            "advisory",
            "the case does not report its steady stage",
        ),
        (
            {"search": Search("concurrency", budgets("steady.ttft.p99 < 1 s"))},
            "search.while",
            "the case does not report its steady stage",
        ),
        ({"slo": budgets("turn 1.ttft.p99 < 1 s")}, "slo", "there is no turn 1 without conversations: use"),
        (
            {"slo": budgets("turn 1.ttft.p99 < 1 s"), "dataset": ShareGpt(Path("x"))},
            "slo",
            "there is no turn 1 without conversations",
        ),
        (
            {"slo": budgets("turn 3.ttft.p99 < 1 s"), "dataset": conversation(2)},
            "slo",
            "there is no turn 3, as conversations of the case have at most 2",
        ),
        (
            {"slo": budgets("turn 4.ttft.p99 < 1 s"), "dataset": conversation([2, 3])},
            "slo",
            "have at most 3",
        ),
        (
            {"slo": budgets("turn 6.ttft.p99 < 1 s"), "dataset": conversation(Uniform(1, 5))},
            "slo",
            "have at most 5",
        ),
    ],
)
def test_what_does_not_is_named_with_what_is_allowed(settings: dict[str, Any], key: str, what: str) -> None:
    assert [(found, what in said) for found, said in faults_of(**settings)] == [(key, True)]


def test_a_load_that_ends_only_when_it_is_precise_needs_a_bound() -> None:
    assert bounds(None, None, ClosedLoop(), until=True) == (None, None)
    assert bounds(None, 5.0, ClosedLoop(), until=True) == (None, 5.0)
    assert bounds(None, None, OpenLoop((RateStep(1, 2),)), until=True) == (None, 2)
