from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from pytest_npuperf.errors import DatasetError
from pytest_npuperf.workload.gauge import Gauge
from pytest_npuperf.workload.prompt import Prompt
from pytest_npuperf.workload.sharegpt import ShareGpt, sharegpt_prompts
from pytest_npuperf.workload.tokens import estimate_tokens

WORDS = Gauge(count=lambda text: len(text.split()))


def entry(*values: str, speakers: Iterable[str] = ("human", "gpt") * 9) -> dict[str, Any]:
    said = [{"from": speaker, "value": value} for speaker, value in zip(speakers, values, strict=False)]
    return {"id": "a_0", "conversations": said}


def words(count: int, name: str) -> str:
    return " ".join([name] * count)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sharegpt.json"


def prompts_of(path: Path, entries: object, *, seed: int | str = 0, **settings: Any) -> list[Prompt]:
    """All prompts that the entries give."""
    path.write_text(json.dumps(entries), encoding="utf-8")
    return list(until_the_end(sharegpt_prompts(ShareGpt(path, **settings), seed=seed, gauge=WORDS)))


def until_the_end(prompts: Iterable[Prompt]) -> Iterator[Prompt]:
    with suppress(DatasetError):
        yield from prompts


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def test_the_first_prompt_is_sent_and_may_be_answered_at_the_recorded_length(path: Path) -> None:
    entries = [entry(words(5, "ask"), words(70, "tell"), words(5, "more"), words(9, "yes"))]

    assert prompts_of(path, entries) == [Prompt((user(words(5, "ask")),), 70, None)]


def test_lengths_are_estimated_where_no_gauge_is_given(path: Path) -> None:
    answer = "It lies 384,400 kilometres away."
    path.write_text(json.dumps([entry("How far away is the moon?", answer)]))

    [prompt] = islice(sharegpt_prompts(ShareGpt(path), seed=0), 1)

    assert prompt.max_tokens == estimate_tokens(answer)


def test_the_gauge_scales_the_recorded_length(path: Path) -> None:
    path.write_text(json.dumps([entry(words(5, "ask"), words(10, "tell"))]))
    gauge = Gauge(count=WORDS.count, scale=1.5, template_tokens=30)

    [prompt] = islice(sharegpt_prompts(ShareGpt(path), seed=0, gauge=gauge), 1)

    assert prompt.max_tokens == 15


def test_turns_of_a_conversation_follow_each_other_with_think_time_between(path: Path) -> None:
    values = [words(5, "ask"), words(6, "tell"), "and?", words(7, "more"), "ok", "fine", "bye", "bye now"]

    assert prompts_of(path, [entry(*values)], turns=3, think_time=0.5) == [
        Prompt((user(words(5, "ask")),), 6, None, turn=0),
        Prompt((user("and?"),), 7, None, turn=1, think_time=0.5),
        Prompt((user("ok"),), 1, None, turn=2, think_time=0.5),
    ]
    assert len(prompts_of(path, [entry(*values)], turns="all")) == 4


def test_a_conversation_is_sent_as_far_as_it_goes(path: Path) -> None:
    entries = [entry(words(5, f"a{number}"), words(6, "tell"), "and?") for number in range(3)]

    assert [prompt.turn for prompt in prompts_of(path, entries, turns=4)] == [0, 0, 0]


def test_a_system_message_goes_before_the_first_prompt_only(path: Path) -> None:
    values = ["Be kind.", words(5, "ask"), words(6, "tell"), "and?", "fine"]
    speakers = ["system", "human", "gpt", "human", "gpt"]

    first, second = prompts_of(path, [entry(*values, speakers=speakers)], turns=2)

    assert first.messages == ({"role": "system", "content": "Be kind."}, user(words(5, "ask")))
    assert second.messages == (user("and?"),)


def test_the_seed_decides_the_order(path: Path) -> None:
    entries = [entry(words(5, f"a{number}"), words(6, "tell")) for number in range(30)]

    one, again, other = (prompts_of(path, entries, seed=seed) for seed in (1, 1, 2))

    assert one == again
    assert one != other
    assert len({str(prompt.messages) for prompt in one}) == 30


@pytest.mark.parametrize(
    "broken",
    [
        entry(words(5, "ask")),
        entry(words(5, "told"), words(5, "ask"), words(5, "told"), speakers=["gpt", "human", "gpt"]),
        entry(words(5, "ask"), words(5, "ask"), speakers=["human", "human"]),
        entry("", words(5, "told")),
        entry(words(3, "short"), words(50, "tell")),
        entry(words(50, "ask"), words(3, "short")),
        entry(words(1025, "long"), words(5, "tell")),
        entry(words(1000, "long"), words(1049, "long")),
        {"id": "no conversation"},
        {"conversations": [{"from": "human"}, {"from": "gpt", "value": None}]},
        {"conversations": []},
        "not an entry",
    ],
)
def test_a_broken_short_or_long_conversation_is_left_out(path: Path, broken: object) -> None:
    fine = entry(words(1000, "ask"), words(1048, "tell"))

    assert [prompt.max_tokens for prompt in prompts_of(path, [broken, fine])] == [1048]
    assert prompts_of(path, [broken]) == []


def test_history_counts_into_the_input_of_a_later_turn(path: Path) -> None:
    conversation = entry(words(4, "a"), words(4, "b"), words(4, "c"), words(4, "d"), words(4, "e"), "fine")

    def turns(max_input_tokens: int, max_total_tokens: int) -> int:
        limits = {"max_input_tokens": max_input_tokens, "max_total_tokens": max_total_tokens}
        return len(prompts_of(path, [conversation], turns="all", **limits))

    assert [turns(4, 99), turns(11, 99), turns(12, 99), turns(19, 99), turns(20, 99)] == [1, 1, 2, 2, 3]
    assert [turns(99, 8), turns(99, 15), turns(99, 16)] == [1, 1, 2]


def test_a_conversation_that_begins_like_another_is_left_out_whole(path: Path) -> None:
    one = entry(words(5, "ask"), words(6, "tell"), "and?", "one")
    same = entry(words(5, "ask"), words(6, "tell"), "but?", "other")

    prompts = prompts_of(path, [one, same], turns=2)

    assert [prompt.turn for prompt in prompts] == [0, 1]


def test_the_end_says_how_many_prompts_there_were(path: Path) -> None:
    entries = [entry(words(5, "ask"), words(6, "tell"))] * 2 + [entry(words(5, "b"), words(6, "c"))]
    path.write_text(json.dumps(entries))

    with pytest.raises(DatasetError) as caught:
        list(sharegpt_prompts(ShareGpt(path), seed=0))

    assert str(caught.value) == (
        f"{path} gave 2 different prompts and holds no more (left out as repeated: 1); a prefix cache "
        "would answer a repeated one: ask for fewer requests, use a longer file, or raise max_input_tokens "
        "(1024) and max_total_tokens (2048)"
    )


def test_a_file_of_broken_conversations_holds_no_prompt(path: Path) -> None:
    path.write_text(json.dumps([{"messages": []}]))

    with pytest.raises(DatasetError) as caught:
        next(sharegpt_prompts(ShareGpt(path), seed=0))

    assert str(caught.value).startswith(
        f"{path} holds no prompt: each entry is broken, too short or too long; ShareGPT is an array of "
    )


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ('{"conversations": []}', "Expected `array`, got `object`; seen: "),
        ("[1, 2", "Input data was truncated; seen: [1, 2; "),
        ("<html>\n<body>", "JSON is malformed: invalid character (byte 0); seen: <html> <body>; "),
    ],
)
def test_a_file_of_another_shape_is_refused_at_once(path: Path, data: str, what: str) -> None:
    path.write_text(data)

    with pytest.raises(DatasetError) as caught:
        sharegpt_prompts(ShareGpt(path), seed=0)

    assert str(caught.value).startswith(f"{path}: {what}")
    assert 'ShareGPT is an array of {"id": "...", "conversations": [{"from": "human", ' in str(caught.value)


def test_a_byte_order_mark_is_no_harm(path: Path) -> None:
    path.write_text(json.dumps([entry(words(5, "ask"), words(6, "tell"))]), encoding="utf-8-sig")

    assert next(sharegpt_prompts(ShareGpt(path), seed=0)).messages == (user(words(5, "ask")),)


def test_an_empty_file_is_refused_at_once(path: Path) -> None:
    path.write_bytes(b"")

    with pytest.raises(DatasetError, match=r"sharegpt\.json is empty; ShareGPT is an array of"):
        sharegpt_prompts(ShareGpt(path), seed=0)


def test_a_missing_file_is_named_at_once(path: Path) -> None:
    with pytest.raises(DatasetError, match=r"sharegpt\.json cannot be read: No such file or directory; give"):
        sharegpt_prompts(ShareGpt(path), seed=0)
