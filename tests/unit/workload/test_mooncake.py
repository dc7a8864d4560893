from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice, takewhile
from pathlib import Path
from typing import Any

import pytest

from pytest_npuperf.errors import DatasetError
from pytest_npuperf.workload import parse_dataset
from pytest_npuperf.workload.gauge import Gauge
from pytest_npuperf.workload.mooncake import Mooncake, mooncake_prompts
from pytest_npuperf.workload.prompt import Prompt
from pytest_npuperf.workload.tokens import estimate_tokens

USER = {"role": "user", "content": "High water in Saltholm?"}


def line(timestamp: float = 0, input_length: int = 100, hash_ids: list[int] | None = None) -> dict[str, Any]:
    row = {"timestamp": timestamp, "input_length": input_length, "output_length": 52}
    return row if hash_ids is None else row | {"hash_ids": hash_ids}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trace.jsonl"


def replay(path: Path, *rows: object, seed: int | str = 0, gauge: Gauge | None = None) -> Iterator[Prompt]:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return mooncake_prompts(Mooncake(path), seed=seed, gauge=gauge or Gauge())


def texts(path: Path, *rows: object, **how: Any) -> list[str]:
    return [prompt.messages[0]["content"] for prompt in replay(path, *rows, **how)]


def shared_beginning(one: str, other: str) -> str:
    pairs = zip(one.split(), other.split(), strict=False)
    return " ".join(word for word, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def test_a_case_names_the_file() -> None:
    base = Path("/project")

    assert parse_dataset({"mooncake": "trace.jsonl"}, base=base) == Mooncake(base / "trace.jsonl")
    assert parse_dataset({"mooncake": {"path": "/t.jsonl"}}, base=base) == Mooncake(Path("/t.jsonl"))


def test_requests_are_due_as_long_after_the_first_as_they_were(path: Path) -> None:
    rows = [line(5000), line(5000), line(5040.5), line(8000)]

    assert [prompt.offset for prompt in replay(path, *rows)] == [0.0, 0.0, 0.0405, 3.0]


def test_a_recorded_output_length_is_exact(path: Path) -> None:
    [prompt] = replay(path, line(input_length=1000))

    assert (prompt.max_tokens, prompt.exact_output, prompt.input_tokens) == (52, True, 1000)
    assert [message["role"] for message in prompt.messages] == ["user"]


@pytest.mark.parametrize("length", [4, 100, 512, 513, 515, 1024, 5000])
@pytest.mark.parametrize("gauge", [Gauge(), Gauge(scale=1.13, template_tokens=31)], ids=["plain", "scaled"])
def test_a_prompt_has_the_recorded_length_by_the_gauge(path: Path, length: int, gauge: Gauge) -> None:
    blocks = list(range(-(-length // 512)))

    [text, other] = texts(path, line(0, length, blocks), line(0, length), gauge=gauge)

    aim = max(4, gauge.text_tokens(length))
    assert [estimate_tokens(text), estimate_tokens(other)] == [aim, aim]


def test_requests_have_as_much_of_their_beginning_in_common_as_they_have_hashes(path: Path) -> None:
    rows = [line(0, 2000, [0, 1, 2, 3]), line(0, 2000, [0, 1, 4, 5]), line(0, 600, [6, 7])]

    one, other, third = texts(path, *rows)

    assert estimate_tokens(shared_beginning(one, other)) == pytest.approx(1024, abs=2)
    assert len(shared_beginning(one, third).split()) <= 4


def test_the_same_hashes_give_the_same_text_however_far_apart(path: Path) -> None:
    rows = [
        line(0, 900, [0, 1]),
        *(line(0, 512, [hash_id]) for hash_id in range(2, 100)),
        line(0, 900, [0, 1]),
    ]

    said = texts(path, *rows)

    assert said[0] == said[-1]
    assert len(set(said)) == len(said) - 1


def test_blocks_meet_where_those_of_the_server_do(path: Path) -> None:
    """The chat template takes its tokens from the first block alone."""
    rows = [line(0, 1024, [0, 1]), line(0, 1024, [0, 2])]

    one, other = texts(path, *rows, gauge=Gauge(template_tokens=100))

    assert estimate_tokens(shared_beginning(one, other)) == pytest.approx(412, abs=2)


def test_without_hashes_no_two_texts_begin_alike(path: Path) -> None:
    said = texts(path, *[line()] * 300, line(hash_ids=[]), line() | {"hash_ids": None})

    assert len({tuple(text.split()[:4]) for text in said}) == 302


def test_the_seed_decides_the_texts(path: Path) -> None:
    rows = [line(0, 600, [0, 1]), line()]

    one, again, other = (texts(path, *rows, seed=seed) for seed in (1, 1, 2))

    assert one == again
    assert not set(one) & set(other)


def test_messages_are_sent_as_they_stand(path: Path) -> None:
    tools = [{"type": "function", "function": {"name": "tide"}}]
    recorded = {"session_id": "a", "input_length": 9, "model": "m", "stream": False}
    message = {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}
    row = {"timestamp": 1, "messages": [USER, message], "output_length": 8, "tools": tools, "top_p": 0.5}

    assert list(replay(path, row | recorded)) == [
        Prompt((USER, message), 8, None, exact_output=True, extra={"tools": tools, "top_p": 0.5}, offset=0.0)
    ]


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_max_tokens_is_an_upper_bound(path: Path, name: str) -> None:
    [prompt] = replay(path, {"timestamp": 1, "messages": [USER], name: 8})

    assert (prompt.max_tokens, prompt.exact_output, prompt.extra) == (8, False, {})


def test_a_literal_text_is_sent_as_it_stands(path: Path) -> None:
    row = {"timestamp": 0, "input_text": USER["content"], "output_length": 10}

    assert list(replay(path, row)) == [Prompt((USER,), 10, None, exact_output=True, offset=0.0)]


def test_a_request_that_was_sent_twice_is_sent_twice(path: Path) -> None:
    row = {"timestamp": 0, "messages": [USER], "output_length": 10}

    assert len(list(replay(path, row, row))) == 2


def test_lines_are_read_when_they_are_sent(path: Path) -> None:
    prompts = replay(path, line(), {"timestamp": "never"})

    assert len(list(islice(prompts, 1))) == 1
    with pytest.raises(DatasetError):
        next(prompts)


def test_blank_lines_and_a_byte_order_mark_are_no_harm(path: Path) -> None:
    path.write_text(f"{json.dumps(line())}\n\n{json.dumps(line(9))}\n \n", encoding="utf-8-sig")

    assert [prompt.offset for prompt in mooncake_prompts(Mooncake(path), seed=0)] == [0.0, 0.009]


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ({"input_length": 9, "output_length": 9}, "Object missing required field `timestamp`"),
        (line() | {"timestamp": "0"}, "Expected `float`, got `str` - at `$.timestamp`"),
        (line(2999), "timestamp is 2999, but 3000 came before: sort the lines by timestamp"),
        (line(3000, 0), "Expected `int` >= 1 - at `$.input_length`"),
        (line(3000) | {"output_length": 1.5}, "Expected `int | null`, got `float` - at `$.output_length`"),
        ({"timestamp": 3000, "output_length": 9}, "input_length is missing, and so is messages"),
        ({"timestamp": 3000, "input_length": 9}, "output_length is missing, and so is max_tokens"),
        (
            line(3000, 1025, [1, 2]),
            "hash_ids has 2, but an input_length of 1025 needs 3, one for each 512 tokens begun",
        ),
        (line(3000, 512, [1, 2]), "hash_ids has 2, but an input_length of 512 needs 1, one"),
        (line(3000) | {"hash_ids": ["a"]}, "Expected `int`, got `str` - at `$.hash_ids[0]`"),
        (
            {"timestamp": 3000, "output_length": 9, "messages": []},
            "Expected `array` of length >= 1 - at `$.messages`",
        ),
        (
            {"timestamp": 3000, "output_length": 9, "messages": [{"content": "Hi"}]},
            "Object missing required field `role` - at `$.messages[0]`",
        ),
        ([1], "Expected `object`, got `array`"),
    ],
)
def test_a_malformed_line_is_shown(path: Path, row: object, what: str) -> None:
    with pytest.raises(DatasetError) as caught:
        list(replay(path, line(3000), row))

    seen = json.dumps(row)
    assert str(caught.value).startswith(f"{path}, line 2: {what}")
    assert f"; seen: {seen[:80]}" in str(caught.value)
    assert '; a line is {"timestamp": ms, "input_length": 1200, ' in str(caught.value)


@pytest.mark.parametrize("data", [b"{", b'{"timestamp": 0, "input_text": "\xff"}', b"<html>"])
def test_what_is_no_json_is_shown(path: Path, data: bytes) -> None:
    path.write_bytes(data)

    with pytest.raises(DatasetError, match=r"trace\.jsonl, line 1: .*; seen: .*; a line is "):
        next(mooncake_prompts(Mooncake(path), seed=0))


def test_a_missing_file_is_named_at_once(path: Path) -> None:
    with pytest.raises(DatasetError, match=r"trace\.jsonl cannot be read: No such file or directory; give"):
        mooncake_prompts(Mooncake(path), seed=0)
