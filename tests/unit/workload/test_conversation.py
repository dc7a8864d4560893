from __future__ import annotations

from itertools import islice, pairwise
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

import pytest

from pytest_npuperf.errors import CaseError
from pytest_npuperf.workload.conversation import (
    Conversation,
    Exponential,
    conversation_prompts,
    parse_conversation,
)
from pytest_npuperf.workload.gauge import Gauge
from pytest_npuperf.workload.lengths import Uniform
from pytest_npuperf.workload.prompt import Prompt
from pytest_npuperf.workload.tokens import estimate_tokens

LENGTHS = {"turns": 3, "input_tokens": 20, "output_tokens": 30}


def prompts_of(
    *, seed: int | str = 0, count: int = 12, gauge: Gauge | None = None, **settings: Any
) -> list[Prompt]:
    dataset = Conversation(**LENGTHS | settings)
    return list(islice(conversation_prompts(dataset, seed=seed, gauge=gauge or Gauge()), count))


def text_of(prompt: Prompt) -> str:
    return str(prompt.messages[-1]["content"])


def test_each_turn_brings_one_message_and_the_history_is_left_to_the_load() -> None:
    prompts = prompts_of(count=7)

    assert [prompt.turn for prompt in prompts] == [0, 1, 2, 0, 1, 2, 0]
    assert {tuple(message["role"] for message in prompt.messages) for prompt in prompts} == {("user",)}
    assert all(prompt.exact_output and prompt.max_tokens == 30 for prompt in prompts)
    assert all(prompt.extra == {} for prompt in prompts)


def test_messages_have_the_length_asked_for_by_the_gauge_without_the_template() -> None:
    gauge = Gauge(scale=2.0, template_tokens=9)

    assert {estimate_tokens(text_of(prompt)) for prompt in prompts_of()} == {20}
    assert {estimate_tokens(text_of(prompt)) for prompt in prompts_of(gauge=gauge)} == {10}


def test_what_the_server_counts_is_aimed_at_where_it_can_be_known() -> None:
    def aims(**settings: Any) -> list[int | None]:
        return [
            prompt.input_tokens for prompt in prompts_of(count=3, gauge=Gauge(template_tokens=9), **settings)
        ]

    assert aims() == [29, None, None]
    assert aims(system_tokens=50) == [None, None, None]
    assert aims(tools=1) == [None, None, None]


def test_lengths_and_turns_are_drawn_from_their_distributions() -> None:
    prompts = prompts_of(turns=Uniform(1, 4), input_tokens=Uniform(10, 30), output_tokens=[5, 70], count=2000)

    starts = [index for index, prompt in enumerate(prompts) if prompt.turn == 0]
    turns = [after - before for before, after in pairwise(starts)]
    assert set(turns) == {1, 2, 3, 4}
    assert fmean(turns) == pytest.approx(2.5, abs=0.15)
    assert {estimate_tokens(text_of(prompt)) for prompt in prompts} == set(range(10, 31))
    assert {prompt.max_tokens for prompt in prompts} == {5, 70}


def test_no_two_messages_begin_alike() -> None:
    openings = {tuple(text_of(prompt).split()[:4]) for prompt in prompts_of(count=3000)}

    assert len(openings) == 3000


def test_all_conversations_begin_with_the_same_system_prompt() -> None:
    prompts = prompts_of(system_tokens=50, count=9)

    systems = [prompt.messages[0] for prompt in prompts if prompt.turn == 0]
    assert [system["role"] for system in systems] == ["system"] * 3
    assert len({system["content"] for system in systems}) == 1
    assert estimate_tokens(systems[0]["content"]) == 50
    assert all(len(prompt.messages) == 1 for prompt in prompts if prompt.turn)


def test_tools_are_offered_in_every_turn_and_not_to_be_called() -> None:
    prompts = prompts_of(tools=5, count=4)

    assert [len(prompt.extra["tools"]) for prompt in prompts] == [5] * 4
    assert {prompt.extra["tool_choice"] for prompt in prompts} == {"none"}
    assert prompts[0].extra == prompts[3].extra


def test_the_next_turn_comes_after_think_time_and_the_first_at_once() -> None:
    assert [prompt.think_time for prompt in prompts_of(think_time=1.5, count=6)] == [0, 1.5, 1.5] * 2


def test_think_time_may_be_exponential() -> None:
    prompts = prompts_of(think_time=Exponential(2.0), count=6000)

    thought = [prompt.think_time for prompt in prompts if prompt.turn]
    assert fmean(thought) == pytest.approx(2.0, rel=0.05)
    assert pstdev(thought) == pytest.approx(2.0, rel=0.1)
    assert {prompt.think_time for prompt in prompts if not prompt.turn} == {0}


def test_the_same_seed_gives_the_same_conversations_and_another_seed_others() -> None:
    settings: dict[str, Any] = {"think_time": Exponential(1), "turns": Uniform(1, 5), "system_tokens": 20}

    assert prompts_of(seed=1, **settings) == prompts_of(seed=1, **settings)
    ones, others = (set(map(str, prompts_of(seed=seed, **settings))) for seed in (1, 2))
    assert not ones & others


@pytest.mark.parametrize(
    ("settings", "dataset"),
    [
        (LENGTHS, Conversation(3, 20, 30)),
        (
            LENGTHS | {"turns": {"uniform": {"min": 2, "max": 5}}, "system_tokens": 99, "tools": 2},
            Conversation(Uniform(2, 5), 20, 30, system_tokens=99, tools=2),
        ),
        (LENGTHS | {"think_time": "500 ms"}, Conversation(3, 20, 30, think_time=0.5)),
        (LENGTHS | {"think_time": 2}, Conversation(3, 20, 30, think_time=2)),
        (LENGTHS | {"think_time": 0}, Conversation(3, 20, 30)),
        (
            LENGTHS | {"think_time": {"exponential": "2 s"}},
            Conversation(3, 20, 30, think_time=Exponential(2)),
        ),
    ],
)
def test_settings_are_read_from_a_case(settings: object, dataset: Conversation) -> None:
    assert parse_conversation(settings, Path()) == dataset


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"turns": 0}, "conversation.turns is 0, but must be a whole number of at least 1"),
        ({"input_tokens": 3}, "conversation.input_tokens is 3, but must be a whole number of at least 4"),
        ({"output_tokens": 0}, "conversation.output_tokens is 0, but must be a whole number of at least 1"),
        ({"system_tokens": 3}, "conversation.system_tokens is 3, but must be a whole number of at least 4"),
        ({"tools": 129}, "conversation.tools is 129, but must be a whole number from 0 to 128"),
        ({"tools": True}, "conversation.tools is True, but must be a whole number from 0 to 128"),
        (
            {"think_time": -1},
            "conversation.think_time is -1, but must be a number of seconds of at least 0, a duration like "
            "500 ms, or {exponential: 500 ms}",
        ),
        ({"think_time": True}, "conversation.think_time is True, but must be a number of seconds"),
        ({"think_time": None}, "conversation.think_time is None, but must be a number of seconds"),
        ({"think_time": "2 sec"}, "conversation.think_time: '2 sec' is not a duration: allowed are "),
        (
            {"think_time": {"exponential": [1]}},
            "conversation.think_time is Exponential(mean=[1]), but must be a number of seconds",
        ),
        (
            {"think_time": {"exponentail": "2 s"}},
            "conversation.think_time has no setting 'exponentail' (did you mean exponential?); allowed: ",
        ),
        ({"turn": 3}, "conversation has no setting 'turn' (did you mean turns?); allowed: "),
    ],
)
def test_a_setting_that_is_not_allowed_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(CaseError) as caught:
        parse_conversation(LENGTHS | changed, Path())

    assert str(caught.value).startswith(f"dataset: {message}")
