from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from pytest_npuperf.errors import DatasetError
from pytest_npuperf.workload.prompt import Prompt
from pytest_npuperf.workload.text import Text, text_prompts


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "prompts.txt"


def take(dataset: Text, count: int) -> list[Prompt]:
    return list(islice(text_prompts(dataset, seed=0, max_tokens=64), count))


def texts(dataset: Text, count: int) -> list[str]:
    return [prompt.messages[0]["content"] for prompt in take(dataset, count)]


def test_each_line_is_a_prompt_in_the_order_of_the_file(path: Path) -> None:
    path.write_text("Why?\nHow?\n")

    assert take(Text(path), 2) == [
        Prompt(({"role": "user", "content": "Why?"},), 64, None),
        Prompt(({"role": "user", "content": "How?"},), 64, None),
    ]


def test_byte_order_mark_blank_lines_and_unusual_line_separators_are_no_harm(path: Path) -> None:
    path.write_bytes("\ufeff\r\n  One\u2028line?  \r\n \r\n两?".encode())

    assert texts(Text(path), 2) == ["One\u2028line?", "两?"]


def test_a_separator_stands_on_a_line_of_its_own(path: Path) -> None:
    path.write_bytes(b"---\r\nFirst\r\n\r\nof two --- lines\r\n --- \r\n---\r\nSecond\r\n")

    assert texts(Text(path, separator="---"), 2) == ["First\n\nof two --- lines", "Second"]


def test_a_blank_line_can_be_the_separator(path: Path) -> None:
    path.write_text("One\nparagraph.\n\n  \nAnother.\n")

    assert texts(Text(path, separator=""), 2) == ["One\nparagraph.", "Another."]


def test_the_end_says_how_many_prompts_there_were(path: Path) -> None:
    path.write_text("Why?\nHow?\n Why?\n")

    with pytest.raises(DatasetError) as caught:
        take(Text(path), 3)

    assert str(caught.value) == (
        f"{path} gave 2 different prompts and holds no more (left out as repeated: 1); a prefix cache "
        "would answer a repeated one: ask for fewer requests or use a longer file"
    )


def test_a_blank_file_holds_no_prompt(path: Path) -> None:
    path.write_text(" \n\n")

    with pytest.raises(
        DatasetError, match=r"prompts\.txt holds no prompt: a text file holds UTF-8, a prompt"
    ):
        take(Text(path), 1)


def test_a_line_that_is_not_utf8_is_shown_with_its_number(path: Path) -> None:
    path.write_bytes(b"fine\n\ncaf\xe9\n")

    with pytest.raises(DatasetError) as caught:
        take(Text(path), 2)

    message = str(caught.value)
    assert message.startswith(f"{path}, line 3: 'utf-8' codec can't decode byte 0xe9 in position 3: ")
    assert "; seen: caf\ufffd; a text file holds UTF-8, a prompt on each line" in message


def test_a_missing_file_is_named_at_once(path: Path) -> None:
    with pytest.raises(DatasetError, match=r"prompts\.txt cannot be read: No such file or directory; give"):
        text_prompts(Text(path), seed=0, max_tokens=1)
