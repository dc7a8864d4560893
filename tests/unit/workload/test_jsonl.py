from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from pytest_npuperf.errors import DatasetError
from pytest_npuperf.workload.jsonl import Jsonl, jsonl_prompts
from pytest_npuperf.workload.prompt import Prompt

LENGTHS = {"method": "uniform", "params": {"min_value": 100, "max_value": 200}}


def write(path: Path, rows: Iterable[object], meta: object = None) -> Jsonl:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    if meta is not None:
        path.with_name(path.name + ".meta.json").write_text(json.dumps(meta))
    return Jsonl(path)


def questions(count: int) -> list[dict[str, str]]:
    return [{"question": f"Q{row}?"} for row in range(count)]


def take(dataset: Jsonl, count: int, *, seed: int | str = 0) -> list[Prompt]:
    return list(islice(jsonl_prompts(dataset, seed=seed, max_tokens=64), count))


def texts(dataset: Jsonl, count: int, *, seed: int | str = 0) -> list[str]:
    return [prompt.messages[0]["content"] for prompt in take(dataset, count, seed=seed)]


def failure(dataset: Jsonl) -> str:
    with pytest.raises(DatasetError) as caught:
        list(jsonl_prompts(dataset, seed=0, max_tokens=64))
    return str(caught.value)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data.jsonl"


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"question": "Why?"}, "Why?"),
        ({"question": "Why?", "answer": "So."}, "Question: Why?\nAnswer: "),
        (
            {"question": "Which?", "A": "one", "B": 2, "C": "three", "answer": "B"},
            "Question: Which?\nA. one\nB. 2\nC. three\nAnswer: ",
        ),
        ({"question": "Which?", "A": "1", "B": "2", "D": "4"}, "Question: Which?\nA. 1\nB. 2\nAnswer: "),
        ({"question": "Which?", "A": "the only one", "id": 7}, "Which?"),
    ],
)
def test_a_question_is_worded_as_aisbench_words_it(path: Path, row: dict[str, Any], text: str) -> None:
    assert take(write(path, [row]), 1) == [Prompt(({"role": "user", "content": text},), 64, None)]


def test_a_line_with_an_output_length_of_its_own_keeps_it(path: Path) -> None:
    rows = [
        {"question": "short", "max_tokens": 8},
        {"question": "in quotes", "max_tokens": "900"},
        {"question": "none", "max_tokens": None},
        {"messages": [{"role": "user", "content": "a"}], "max_tokens": 9},
        {"messages": [{"role": "user", "content": "b"}], "max_completion_tokens": 10},
        {"messages": [{"role": "user", "content": "c"}]},
    ]

    assert [prompt.max_tokens for prompt in take(write(path, rows), 6)] == [8, 900, 64, 9, 10, 64]


def test_messages_are_sent_as_they_stand_and_other_fields_with_them(path: Path) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": "Where?"},
        {"role": "user", "content": [{"type": "text", "text": "Here."}]},
    ]
    tools = [{"type": "function", "function": {"name": "weather"}}]
    line = {"messages": messages, "tools": tools, "tool_choice": "auto", "model": "x", "stream": False}

    [prompt] = take(write(path, [line | {"stream_options": None}]), 1)

    assert prompt.messages == tuple(messages)
    assert prompt.extra == {"tools": tools, "tool_choice": "auto"}
    assert prompt.turn is None


def test_lines_come_in_their_order_whatever_the_seed(path: Path) -> None:
    dataset = write(path, questions(20))

    assert texts(dataset, 20, seed=1) == texts(dataset, 20, seed=2) == [f"Q{row}?" for row in range(20)]


def test_byte_order_mark_blank_lines_and_unusual_line_separators_are_no_harm(path: Path) -> None:
    lines = ['{"question": "One\u2028line?"}', "", "   ", '{"question": "两?"}']
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())

    assert texts(Jsonl(path), 2) == ["One\u2028line?", "两?"]


def test_a_repeated_prompt_is_left_out_and_the_end_says_how_many_there_were(path: Path) -> None:
    rows = [*questions(3), {"question": "Q1?", "max_tokens": 5}]
    dataset = write(path, rows)
    prompts = jsonl_prompts(dataset, seed=0, max_tokens=64)
    assert len(list(islice(prompts, 3))) == 3

    with pytest.raises(DatasetError) as caught:
        next(prompts)

    assert str(caught.value) == (
        f"{path} gave 3 different prompts and holds no more (left out as repeated: 1); a prefix cache "
        "would answer a repeated one: ask for fewer requests or use a longer file"
    )


def test_the_same_messages_with_other_tools_are_another_prompt(path: Path) -> None:
    line = {"messages": [{"role": "user", "content": "Go."}]}

    assert len(take(write(path, [line, line | {"tools": []}]), 2)) == 2


def test_only_lines_that_are_sent_are_judged(path: Path) -> None:
    dataset = write(path, [*questions(2), "broken"])

    assert texts(dataset, 2) == ["Q0?", "Q1?"]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b"question,answer", "JSON is malformed"),
        (b'["Q"]', "Expected `object`, got `array`"),
        (b'{"question": "\xff"}', "utf-8|UTF-8"),
        (b'{"answer": "A"}', "question is None, but must be a text that is not blank"),
        (b'{"question": " "}', "question is ' ', but must be"),
        (b'{"question": 7}', "question is 7, but must be"),
        (b'{"question": "Q", "max_tokens": 0}', "max_tokens is 0, but must be a whole number of at least 1"),
        (b'{"question": "Q", "max_tokens": "many"}', "max_tokens is 'many', but must be"),
        (b'{"question": "Q", "max_tokens": true}', "max_tokens is True, but must be"),
        (b'{"messages": []}', r"messages is \[\], but must be a list of messages"),
        (b'{"messages": "Hi"}', "messages is 'Hi', but must be a list of messages"),
        (b'{"messages": [{"content": "Hi"}]}', r"{'content': 'Hi'} is no message: it has no role"),
        (b'{"messages": ["Hi"]}', "'Hi' is no message: it has no role"),
    ],
)
def test_a_malformed_line_is_shown_with_its_number(path: Path, line: bytes, what: str) -> None:
    dataset = write(path, questions(2))
    path.write_bytes(path.read_bytes() + b"\n" + line + b"\n" + b'{"question": "after"}')

    with pytest.raises(DatasetError, match=what) as caught:
        take(dataset, 3)

    message = str(caught.value)
    assert message.startswith(f"{path}, line 4: ")
    assert f'; seen: {line.decode(errors="replace")}; a line is {{"question": "...", ' in message


def test_a_long_malformed_line_is_cut(path: Path) -> None:
    path.write_bytes(b"x" * 1000)

    assert f"seen: {'x' * 80}...; a line is" in failure(Jsonl(path))


def test_a_missing_file_is_named_at_once(path: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        jsonl_prompts(Jsonl(path), seed=0, max_tokens=1)

    assert str(caught.value) == f"{path} cannot be read: No such file or directory; give the path of a file"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cannot be read: Is a directory; give the path of a file"):
        jsonl_prompts(Jsonl(tmp_path), seed=0, max_tokens=1)


def test_a_file_without_a_line_holds_no_prompt(path: Path) -> None:
    path.write_text("\n\n")

    assert failure(Jsonl(path)).startswith(f'{path} holds no prompt: a line is {{"question": ')


def test_the_side_file_bounds_the_rows(path: Path) -> None:
    dataset = write(path, questions(9), meta={"request_count": "4"})

    assert texts(dataset, 4) == ["Q0?", "Q1?", "Q2?", "Q3?"]
    assert failure(dataset) == (
        f"{path} gave 4 different prompts and holds no more; a prefix cache would answer a repeated one: "
        f"ask for fewer requests or raise request_count (4) in {path}.meta.json"
    )


def test_a_side_file_that_asks_for_more_rows_than_there_are_repeats_none(path: Path) -> None:
    dataset = write(path, questions(3), meta={"request_count": 10})

    assert failure(dataset).endswith("ask for fewer requests or use a longer file")


def test_shuffled_rows_are_the_first_ones_in_an_order_of_the_seed(path: Path) -> None:
    dataset = write(path, questions(50), meta={"request_count": 20, "sampling_mode": "shuffle"})

    one, other = texts(dataset, 20, seed=1), texts(dataset, 20, seed=2)

    assert set(one) == set(other) == {f"Q{row}?" for row in range(20)}
    assert one != other
    assert one == texts(dataset, 20, seed=1)


def test_random_rows_are_drawn_from_the_whole_file(path: Path) -> None:
    dataset = write(path, questions(50), meta={"request_count": 20, "sampling_mode": "random"})

    drawn = texts(dataset, 20)

    assert len(set(drawn)) == 20
    assert set(drawn) != {f"Q{row}?" for row in range(20)}


def test_output_lengths_of_the_side_file_go_before_those_of_the_lines(path: Path) -> None:
    rows = [{"question": f"Q{row}?", "max_tokens": 7} for row in range(400)]
    dataset = write(path, rows, meta={"output_config": LENGTHS})

    lengths = [prompt.max_tokens for prompt in take(dataset, 400)]

    assert (min(lengths), max(lengths)) == (100, 200)
    assert 145 < sum(lengths) / 400 < 155
    assert lengths == [prompt.max_tokens for prompt in take(dataset, 400)]


def test_shares_of_output_lengths_are_kept_and_mixed(path: Path) -> None:
    shares = [[100, 0.5], [200, 0.3], [400, 0.2]]
    config = {"method": "percentage", "params": {"percentage_distribute": shares}}
    dataset = write(path, questions(101), meta={"output_config": config, "sampling_mode": "default"})

    lengths = [prompt.max_tokens for prompt in take(dataset, 101)]

    assert [lengths.count(length) for length in (100, 200, 400)] == [50, 30, 21]
    assert set(lengths[:30]) == {100, 200, 400}


@pytest.mark.parametrize(
    ("meta", "what"),
    [
        ([], "Expected `object`, got `array`"),
        ({"requests": 4}, "unknown field `requests`"),
        ({"request_count": 0}, "Expected `int` >= 1 - at `$.request_count`"),
        ({"request_count": "ten"}, "Expected `int"),
        ({"sampling_mode": "sorted"}, "Invalid enum value 'sorted' - at `$.sampling_mode`"),
        ({"output_config": {"method": "normal", "params": {}}}, "Invalid value 'normal' - at"),
        ({"output_config": {"method": "uniform"}}, "missing required field `params`"),
        (
            {"output_config": {"method": "uniform", "params": {"min_value": 9, "max_value": 8}}},
            "min_value 9 is above max_value 8 - at `$.output_config.params`",
        ),
        (
            {"output_config": {"method": "percentage", "params": {"percentage_distribute": [[9, 0.5]]}}},
            "the shares of percentage_distribute add up to 0.5 instead of 1 - at",
        ),
    ],
)
def test_a_malformed_side_file_is_shown_at_once(path: Path, meta: object, what: str) -> None:
    dataset = write(path, questions(3), meta=meta)

    with pytest.raises(DatasetError) as caught:
        jsonl_prompts(dataset, seed=0, max_tokens=1)

    message = str(caught.value)
    assert message.startswith(f"{path}.meta.json: ")
    assert what in message
    assert f"; seen: {json.dumps(meta)[:80]}" in message
    assert '; a side file is {"request_count": 100, ' in message


def test_a_side_file_that_cannot_be_read_is_named(path: Path) -> None:
    dataset = write(path, questions(1))
    side_file = path.with_name("data.jsonl.meta.json")
    side_file.mkdir()

    with pytest.raises(DatasetError) as caught:
        jsonl_prompts(dataset, seed=0, max_tokens=1)

    assert str(caught.value) == f"{side_file} cannot be read: Is a directory"
