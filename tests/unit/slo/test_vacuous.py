from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pytest_npuperf.metrics import ClientHealth
from pytest_npuperf.slo import grounds_of, parse_budget, vacuous_reasons
from pytest_npuperf.slo.vacuous import Grounds, is_same_model
from pytest_npuperf.trace import UNKNOWN, Trace

GOOD = {"sent": 0, "chunks": [100, 110], "end": 140}
FAILED = {"sent": 0, "end": 500, "error": "timeout_total", "output_tokens": UNKNOWN}
SOUND = Grounds(sent=100, accounted=100, answers=99, output_tokens=500)


def reasons(**changes: Any) -> tuple[str, ...]:
    return vacuous_reasons(replace(SOUND, **changes))


def reason(**changes: Any) -> str:
    (given,) = reasons(**changes)
    return given


def test_a_sound_load_has_no_reason() -> None:
    assert reasons() == ()


@pytest.mark.parametrize(
    ("sent", "what"),
    [
        (103, "3 of 103 requests sent are not accounted for: they are in no figure. The load generator"),
        (99, "99 requests were sent, but 100 are accounted for. The load generator has lost count"),
    ],
)
def test_requests_sent_are_requests_accounted_for(sent: int, what: str) -> None:
    assert reason(sent=sent).startswith(what)
    assert reasons(sent=None) == ()


def test_answers_have_output_tokens() -> None:
    assert reason(output_tokens=0).startswith("no output token in 99 successful answers")
    assert reasons(output_tokens=None) == ()
    assert reasons(output_tokens=0, answers=0) == (), "no success is a budget of its own"


@pytest.mark.parametrize(("exact", "missed"), [(0, 0), (99, 0), (20, 1), (100, 5)])
def test_few_answers_may_miss_their_length(exact: int, missed: int) -> None:
    assert reasons(exact=exact, missed=missed) == ()


@pytest.mark.parametrize(("exact", "missed"), [(1, 1), (19, 1), (100, 6)])
def test_more_answers_may_not(exact: int, missed: int) -> None:
    assert reason(exact=exact, missed=missed).startswith(
        f"{missed} of {exact} answers missed the exact output length asked for by more than 5%. "
    )


def test_the_asked_rate_is_reached() -> None:
    assert reason(asked_rate=25.0, achieved_rate=10.0, max_concurrency=2) == (
        "requests were sent at 10 req/s, not at the 25 req/s asked for, as no more than 2 may be in flight. "
        "Lower the rate, or raise the load's concurrency"
    )


@pytest.mark.parametrize(
    "rates",
    [
        {"asked_rate": 25.0, "achieved_rate": 22.6},
        {"asked_rate": 25.0, "achieved_rate": 26.0},
        {"asked_rate": 25.0, "achieved_rate": 10.0, "accounted": 49, "sent": 49},
        {"asked_rate": 100.0, "achieved_rate": 10.0},
        {"asked_rate": None, "achieved_rate": 10.0},
        {"asked_rate": 25.0, "achieved_rate": None},
    ],
    ids=["little is missing", "faster", "few arrivals", "within a second", "closed loop", "at one moment"],
)
def test_a_rate_that_is_nearly_reached_or_cannot_be_told_will_do(rates: dict[str, Any]) -> None:
    assert reasons(**rates) == ()


def test_one_arrival_more_and_a_second_of_schedule_is_enough_to_tell() -> None:
    assert reason(asked_rate=49.0, achieved_rate=44.0, accounted=50, sent=50)


@pytest.mark.parametrize(
    ("answered", "known"),
    [
        ("Qwen3-8B", "Qwen3-8B"),
        ("Qwen3-8B", "/models/Qwen3-8B/"),
        ("Qwen/Qwen3-8B", "Qwen3-8B"),
        ("qwen3-8b", "Qwen3-8B"),
        ("Qwen/Qwen3-8B@main", "Qwen/Qwen3-8B"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("gpt-4", "gpt-4-0613"),
        ("sonnet-20241022", "sonnet"),
    ],
)
def test_folders_and_versions_make_no_other_model(answered: str, known: str) -> None:
    assert is_same_model(answered, known)


@pytest.mark.parametrize(
    ("answered", "known"),
    [
        ("Qwen3-8B-Instruct", "Qwen3-8B"),
        ("Qwen3-14B", "Qwen3-8B"),
        ("Qwen/Qwen3-8B", "unsloth/Qwen3-8B"),
        ("run2/checkpoint-500", "run1/checkpoint-500"),
        ("gpt-4o-2024-08-06", "gpt-4o-2024-05-13"),
        ("MyQwen3-8B", "Qwen3-8B"),
        ("llama-3-70", "llama-3"),
    ],
)
def test_other_names_are_other_models(answered: str, known: str) -> None:
    assert not is_same_model(answered, known)


def test_a_model_that_was_neither_asked_for_nor_listed_is_named() -> None:
    changes: dict[str, Any] = {"answered_by": {"big": 90, "small": 9}, "asked_models": ("big",)}
    assert reason(**changes) == (
        "9 of 99 answers came from the model 'small', but 'big' was asked for. Have the server list the name "
        "(vLLM: --served-model-name), or ask for it by extra_body: {model: small}"
    )
    assert ", but 'big' was asked for, and the server lists 'big', 'large'. " in reason(
        **changes, listed_models=("big", "large")
    )


def test_an_alias_may_answer_by_another_listed_name() -> None:
    assert reasons(answered_by={"big": 99}, asked_models=("alias",), listed_models=("big", "alias")) == ()


def test_more_models_than_were_asked_for_are_named_even_if_they_are_listed() -> None:
    changes: dict[str, Any] = {"answered_by": {"a": 50, "b": 49}, "listed_models": ("a", "b")}
    assert reason(**changes, asked_models=("a",)).startswith(
        "answers came from several models, though 'a' was asked for: 'a' (50), 'b' (49). "
    )
    assert reasons(**changes, asked_models=("a", "b")) == ()
    two_names_of_one = {"a": 50, "models/a": 49}
    assert reasons(answered_by=two_names_of_one, asked_models=("a",)) == ()


def test_answers_without_a_name_and_names_that_nobody_asked_for_will_do() -> None:
    assert reasons(answered_by={}, asked_models=("big",)) == ()
    assert reasons(answered_by={"small": 99}) == ()


def test_every_reason_is_given() -> None:
    given = reasons(sent=101, output_tokens=0, answered_by={"small": 99}, asked_models=("big",))
    assert len(given) == 3


def test_grounds_are_those_of_the_successful_requests(
    build_trace: Callable[..., Trace], healthy: ClientHealth
) -> None:
    trace = replace(build_trace(GOOD, GOOD, FAILED, GOOD), model=("a", "", "b", "a"))
    assert grounds_of(trace, healthy, sent=5, max_concurrency=2, asked_models=("a",)) == Grounds(
        sent=5,
        accounted=4,
        answers=3,
        output_tokens=6,
        max_concurrency=2,
        answered_by={"a": 2},
        asked_models=("a",),
    )


def test_output_tokens_are_unknown_where_those_of_one_answer_are(
    build_trace: Callable[..., Trace], healthy: ClientHealth
) -> None:
    trace = build_trace(GOOD, GOOD | {"output_tokens": UNKNOWN})
    assert grounds_of(trace, healthy).output_tokens is None


@pytest.mark.parametrize(
    ("asked", "counted", "is_missed"),
    [(100, 105, False), (100, 94, True), (100, 106, True), (8, 7, False), (8, 6, True), (1, 2, False)],
)
def test_a_length_may_be_missed_by_a_token_or_5_percent(
    build_trace: Callable[..., Trace], healthy: ClientHealth, asked: int, counted: int, is_missed: bool
) -> None:
    trace = build_trace(GOOD | {"asked_output_tokens": asked, "output_tokens": counted})
    grounds = grounds_of(trace, healthy)
    assert (grounds.exact, grounds.missed) == (1, is_missed)


@pytest.mark.parametrize(
    "request_fields",
    [
        {"output_tokens": 2},
        {"asked_output_tokens": 8, "output_tokens": 2, "estimated": True},
        {"asked_output_tokens": 8, "error": "broken"},
    ],
    ids=["no exact length asked for", "estimated", "failed"],
)
def test_other_answers_miss_no_length(
    build_trace: Callable[..., Trace], healthy: ClientHealth, request_fields: dict[str, Any]
) -> None:
    assert grounds_of(build_trace(GOOD | request_fields), healthy).exact == 0


@pytest.mark.parametrize(
    ("expression", "exact"), [("missed_output_length <= 100 %", 0), ("steady.missed_output_length <= 9 %", 1)]
)
def test_a_budget_on_missed_lengths_says_which_will_do(
    build_trace: Callable[..., Trace], healthy: ClientHealth, expression: str, exact: int
) -> None:
    trace = build_trace(GOOD | {"asked_output_tokens": 8})
    assert grounds_of(trace, healthy, [parse_budget(expression)]).exact == exact


def test_lateness_that_is_the_client_s_own_is_left_to_its_health(
    build_trace: Callable[..., Trace], healthy: ClientHealth
) -> None:
    bounded = replace(healthy, asked_rate=25.0, achieved_rate=10.0)
    assert grounds_of(build_trace(GOOD), bounded).asked_rate == 25.0
    assert grounds_of(build_trace(GOOD), replace(bounded, rate_shortfall=0.6)).asked_rate is None
