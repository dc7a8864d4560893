"""Results that no pass may rest on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pytest_npuperf.capacity import End, Exploration, Search
from pytest_npuperf.errors import ClientBoundError, LoadAbortedError
from pytest_npuperf.failing import BudgetsBroken, require_measured
from pytest_npuperf.metrics import ClientHealth, summarize
from pytest_npuperf.result import CaseResult
from pytest_npuperf.slo import parse_budget
from pytest_npuperf.trace import Trace

GOOD = {"sent": 0, "chunks": [100, 110], "end": 200}
SHORT = GOOD | {"asked_output_tokens": 8}


@pytest.fixture
def make_result(build_trace: Callable[..., Trace], healthy: ClientHealth) -> Callable[..., CaseResult]:
    def make(*requests: dict[str, Any], **fields: Any) -> CaseResult:
        trace = build_trace(*requests)
        values: dict[str, Any] = {
            "name": "chat",
            "nodeid": "npuperf.yaml::chat",
            "settings": {},
            "started": "2025-06-05T20:22:20+00:00",
            "stopped": False,
            "trace": trace,
            "summary": summarize(trace, max_concurrency=2),
            "health": healthy,
        }
        return CaseResult(**(values | fields))

    return make


Results = Callable[..., CaseResult]


@pytest.fixture
def late(make_result: Results, healthy: ClientHealth) -> Results:
    """Makes a result of 60 requests that a bound on those in flight has kept from their rate."""

    def make(**fields: Any) -> CaseResult:
        health = replace(healthy, asked_rate=20.0, achieved_rate=10.0)
        return make_result(*[GOOD] * 60, health=health, **fields)

    return make


def test_a_result_of_nothing_but_its_requests_is_not_vacuous(make_result: Results) -> None:
    result = make_result(GOOD, GOOD)
    assert result.vacuous == ()
    require_measured([result])


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"sent": 2}, "1 of 2 requests sent are not accounted for"),
        ({"asked_models": ("other",)}, "1 of 1 answers came from the model 'model', but 'other'"),
    ],
)
def test_a_vacuous_result_fails_with_the_reason(
    make_result: Results, fields: dict[str, Any], reason: str
) -> None:
    result = make_result(GOOD, **fields)
    (given,) = result.vacuous
    assert given.startswith(reason)
    with pytest.raises(BudgetsBroken, match=f"^vacuous: {reason}") as caught:
        require_measured([make_result(GOOD), result])
    assert caught.value.vacuous == result.vacuous


def test_broken_budgets_and_reasons_stand_beside_each_other(make_result: Results) -> None:
    result = make_result(GOOD, sent=2)
    verdicts = result.judge([parse_budget("ttft.p99 < 1 ms"), parse_budget("ttft.p99 < 1 s")])
    with pytest.raises(BudgetsBroken, match=r"^broken: ttft\.p99 < 1 ms; vacuous: 1 of 2 ") as caught:
        require_measured([result])
    assert caught.value.verdicts == verdicts


def test_what_was_not_measured_or_given_up_fails_by_that(make_result: Results) -> None:
    with pytest.raises(ClientBoundError):
        require_measured([make_result(GOOD, asked_models=("other",), not_measured="client-bound")])
    with pytest.raises(LoadAbortedError):
        require_measured([make_result(GOOD, asked_models=("other",), aborted="the server is gone")])


@pytest.mark.parametrize("end", [{"stopped": True}, {"aborted": "5 requests in a row failed"}])
def test_requests_in_flight_when_a_load_ends_early_are_not_missing(
    make_result: Results, late: Results, end: dict[str, Any]
) -> None:
    assert make_result(GOOD, sent=3, **end).vacuous == ()
    assert late(**end).vacuous == ()
    assert make_result(GOOD, asked_models=("other",), **end).vacuous, "what was answered stays so"


def test_a_rate_that_was_not_reached_makes_a_case_vacuous_but_no_sweep(late: Results) -> None:
    (reason,) = late().vacuous
    assert reason.startswith(
        "requests were sent at 10 req/s, not at the 20 req/s asked for, as no more than 2 "
    )
    sweep = Exploration(axis="rate", search=None, steps=(), end=End("all_measured"))
    assert late(exploration=sweep).vacuous == ()
    search = Search("rate", (parse_budget("ttft.p99 < 1 s"),))
    assert late(exploration=replace(sweep, search=search, end=End("edge", 20.0))).vacuous == (reason,)


def test_a_budget_that_was_judged_says_which_lengths_will_do(make_result: Results) -> None:
    result = make_result(SHORT)
    assert result.vacuous[0].startswith("1 of 1 answers missed the exact output length asked for")
    result.check("missed_output_length <= 100 %")
    assert result.vacuous == ()


def test_each_of_several_measurements_stands_for_itself(
    make_result: Results,
) -> None:
    whole = make_result(GOOD, sent=1)
    pooled = make_result(GOOD, SHORT, sent=1, measurements=(whole, whole))
    assert pooled.vacuous == ()
    short = make_result(SHORT, sent=1)
    with_flaws = replace(pooled, measurements=(whole, short, make_result(GOOD, sent=2), short))
    assert [reason.split(":")[0] for reason in with_flaws.vacuous] == [
        short.vacuous[0].split(":")[0],
        "1 of 2 requests sent are not accounted for",
    ]
    with_flaws.check("missed_output_length <= 100 %")
    assert len(with_flaws.vacuous) == 1
