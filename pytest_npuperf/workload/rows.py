"""Rows in AISBench's custom format, whatever kind of file they stand in."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import takewhile
from pathlib import Path
from string import ascii_uppercase
from typing import Any, BinaryIO

import msgspec

from pytest_npuperf.workload.aisbench_meta import meta_path, output_lengths, read_meta, row_order
from pytest_npuperf.workload.prompt import Prompt, user_prompt
from pytest_npuperf.workload.prompt_file import malformed, once_each, open_file

__all__ = ["output_limit", "question_prompt", "row_prompts"]


def row_prompts(
    path: Path,
    starts: array[int],
    read: Callable[[BinaryIO], Prompt],
    *,
    shape: str,
    seed: int | str,
) -> Iterator[Prompt]:
    """Yield the prompts of a file whose rows begin at the bytes ``starts``, as its side file wants them.

    ``read`` reads the row that the file stands at; it raises ValueError where that is none.

    Raises:
        DatasetError: The side file is malformed; on the way: a row is, or there are no more.
    """
    meta = read_meta(path)
    order = row_order(meta, rows=len(starts), seed=seed)
    lengths = output_lengths(meta, count=len(order), seed=seed)
    remedy = "ask for fewer requests or use a longer file"
    if len(order) < len(starts):
        remedy = f"ask for fewer requests or raise request_count ({meta.request_count}) in {meta_path(path)}"
    prompts = _read_rows(path, (starts[row] for row in order), read, shape)
    if lengths is not None:
        prompts = map(_with_length, prompts, lengths)
    return once_each(prompts, path=path, shape=shape, remedy=remedy)


def question_prompt(row: Mapping[str, Any], *, max_tokens: int) -> Prompt:
    """The prompt of a row, in the wording that AISBench uses.

    A row of two or more options ``A``, ``B``, ... is a multiple-choice question. Its own
    ``max_tokens`` goes before the one given.

    Raises:
        ValueError: ``question`` is missing or blank, or ``max_tokens`` is no positive whole number.
    """
    question = row.get("question")
    if not isinstance(question, str) or not question.strip():
        raise ValueError(f"question is {question!r}, but must be a text that is not blank")
    options = [
        f"{letter}. {row[letter]}" for letter in takewhile(lambda name: _given(row, name), ascii_uppercase)
    ]
    text = question
    if len(options) > 1:
        text = "\n".join([f"Question: {question}", *options, "Answer: "])
    elif "answer" in row:
        text = f"Question: {question}\nAnswer: "
    limit = output_limit("max_tokens", row.get("max_tokens"))
    return user_prompt(text, max_tokens=limit or max_tokens, input_tokens=None)


def output_limit(name: str, value: object) -> int | None:
    """The most tokens that an answer may have: a number, or one written as text; None where there is none.

    Raises:
        ValueError: It is no positive whole number.
    """
    if value is None or value == "":
        return None
    number = int(value) if isinstance(value, str) and value.strip().isdecimal() else value
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ValueError(f"{name} is {value!r}, but must be a whole number of at least 1")
    return number


def _given(row: Mapping[str, Any], name: str) -> bool:
    return row.get(name) not in (None, "")


def _read_rows(
    path: Path, starts: Iterable[int], read: Callable[[BinaryIO], Prompt], shape: str
) -> Iterator[Prompt]:
    with open_file(path) as file:
        for start in starts:
            file.seek(start)
            try:
                yield read(file)
            except ValueError as error:
                raise malformed(path, start, str(error), shape) from error


def _with_length(prompt: Prompt, max_tokens: int) -> Prompt:
    return msgspec.structs.replace(prompt, max_tokens=max_tokens)
