from __future__ import annotations

import csv as standard_csv
import json
from itertools import islice
from pathlib import Path

import pytest

from pytest_npuperf.errors import DatasetError
from pytest_npuperf.workload.csv import Csv, csv_prompts
from pytest_npuperf.workload.prompt import Prompt


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data.csv"


def take(path: Path, count: int) -> list[Prompt]:
    return list(islice(csv_prompts(Csv(path), seed=0, max_tokens=64), count))


def texts(path: Path, count: int) -> list[str]:
    return [prompt.messages[0]["content"] for prompt in take(path, count)]


def test_the_columns_say_what_a_row_asks(path: Path) -> None:
    path.write_text("question,answer,max_tokens\nWhy?,So.,8\nHow?,,\n")

    assert take(path, 2) == [
        Prompt(({"role": "user", "content": "Question: Why?\nAnswer: "},), 8, None),
        Prompt(({"role": "user", "content": "Question: How?\nAnswer: "},), 64, None),
    ]


def test_a_question_without_an_answer_column_stands_alone(path: Path) -> None:
    path.write_text("id, question\n1,Why?\n")

    assert texts(path, 1) == ["Why?"]


def test_rows_may_have_different_numbers_of_options(path: Path) -> None:
    path.write_text("question,A,B,C,answer\nWhich?,one,two,three,A\nAnd?,yes,no,,B\n")

    assert texts(path, 2) == [
        "Question: Which?\nA. one\nB. two\nC. three\nAnswer: ",
        "Question: And?\nA. yes\nB. no\nAnswer: ",
    ]


def test_quoted_cells_hold_commas_quotes_and_line_breaks(path: Path) -> None:
    path.write_bytes(
        b'\xef\xbb\xbfquestion,id\r\n"One, ""two""\nand three?",1\r\n\r\nPlain?,2\r\n"\xe4\xb8\xa4\n?",3'
    )

    assert texts(path, 3) == ['One, "two"\nand three?', "Plain?", "两\n?"]


def test_a_prompt_may_be_longer_than_the_csv_module_allows_and_its_limit_stays(path: Path) -> None:
    limit = standard_csv.field_size_limit()
    path.write_text(f"question\n{'word ' * 40_000}\n")

    assert len(texts(path, 1)[0]) == 200_000
    assert standard_csv.field_size_limit() == limit


def test_the_side_file_holds_for_csv_too(path: Path) -> None:
    path.write_text("question\n" + "".join(f'"Q{row}\n?"\n' for row in range(30)))
    lengths = {"method": "uniform", "params": {"min_value": 5, "max_value": 5}}
    meta = {"request_count": 10, "sampling_mode": "random", "output_config": lengths}
    path.with_name("data.csv.meta.json").write_text(json.dumps(meta))

    prompts = take(path, 10)

    assert len({prompt.messages[0]["content"] for prompt in prompts}) == 10
    assert {prompt.max_tokens for prompt in prompts} == {5}


@pytest.mark.parametrize(
    ("data", "line", "what"),
    [
        (b"", 1, "there is no column question; seen: ; the first line names the columns"),
        (b"question;answer\nWhy?;So.\n", 1, "there is no column question; seen: question;answer; the first"),
        (b'question\n"one\ntwo"\n"open\n', 4, 'unexpected end of data; seen: "open; the first line'),
        (b'question\nfine\n"a" b\n', 3, "',' expected after '\"'; seen: \"a\" b; the first line"),
        (b"question\nfine\n\xff\n", 3, "'utf-8' codec can't decode byte 0xff"),
    ],
)
def test_a_file_that_is_no_table_is_refused_at_once(path: Path, data: bytes, line: int, what: str) -> None:
    path.write_bytes(data)

    with pytest.raises(DatasetError) as caught:
        csv_prompts(Csv(path), seed=0, max_tokens=1)

    assert str(caught.value).startswith(f"{path}, line {line}: {what}")


def test_a_row_of_too_many_cells_is_shown(path: Path) -> None:
    path.write_text('question,answer\n"one\ntwo",x\nYes, or no?,y\n')

    with pytest.raises(DatasetError) as caught:
        take(path, 2)

    assert str(caught.value).startswith(
        f"{path}, line 4: the row has 3 cells, but there are 2 columns; seen: Yes, or no?,y; the first line "
    )
    assert 'one that holds a comma, a quote or a line break stands in "double quotes"' in str(caught.value)


def test_a_row_without_a_question_is_shown(path: Path) -> None:
    path.write_text("question,answer\n,42\n")

    with pytest.raises(DatasetError, match=r"line 2: question is '', but must be a text that is not blank;"):
        take(path, 1)


def test_the_end_says_how_many_prompts_there_were(path: Path) -> None:
    path.write_text("question\nWhy?\nWhy?\n")

    with pytest.raises(
        DatasetError, match=r"gave 1 different prompts and holds no more \(left out as repeated: 1\)"
    ):
        take(path, 2)


def test_a_missing_file_is_named_at_once(path: Path) -> None:
    with pytest.raises(DatasetError, match=r"data\.csv cannot be read: No such file or directory; give"):
        csv_prompts(Csv(path), seed=0, max_tokens=1)
