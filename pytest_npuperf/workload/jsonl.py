"""Prompts from a jsonl file: questions in AISBench's custom format, or OpenAI message lists."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from pytest_npuperf.workload.prompt import Prompt
from pytest_npuperf.workload.prompt_file import SET_BY_THE_CASE, file_settings, open_file
from pytest_npuperf.workload.rows import output_limit, question_prompt, row_prompts

__all__ = ["Jsonl", "jsonl_prompts", "parse_jsonl"]

_SHAPE = (
    'a line is {"question": "...", "answer": "...", "max_tokens": 256}, with "A", "B", ... where it is '
    'multiple choice, or {"messages": [{"role": "user", "content": "..."}], "max_tokens": 256}'
)


@dataclass(frozen=True, slots=True)
class Jsonl:
    """Settings of a jsonl file: its ``path``; ``<path>.meta.json`` beside it may say more."""

    path: Path


def parse_jsonl(settings: object, base: Path) -> Jsonl:
    """What stands under ``jsonl``: a path, or settings by name."""
    return Jsonl(**file_settings("jsonl", settings, base))


def jsonl_prompts(dataset: Jsonl, *, seed: int | str, max_tokens: int) -> Iterator[Prompt]:
    """Yield the lines of the file in their order, or in that which its side file asks for.

    Lines are read when they are sent; of the others only where they begin is kept.

    Raises:
        DatasetError: The file cannot be read or its side file is malformed; on the way: a line is
            malformed, or there are no more.
    """
    with open_file(dataset.path) as file:
        starts = _line_starts(file)
    return row_prompts(dataset.path, starts, partial(_read, max_tokens=max_tokens), shape=_SHAPE, seed=seed)


def _line_starts(file: BinaryIO) -> array[int]:
    starts = array("Q")
    start = file.tell()
    for line in file:
        if not line.isspace():
            starts.append(start)
        start += len(line)
    return starts


def _read(file: BinaryIO, max_tokens: int) -> Prompt:
    row = msgspec.json.decode(file.readline(), type=dict[str, Any])
    if "messages" in row:
        return _message_prompt(row, max_tokens=max_tokens)
    return question_prompt(row, max_tokens=max_tokens)


def _message_prompt(row: dict[str, Any], *, max_tokens: int) -> Prompt:
    messages = row["messages"]
    if not isinstance(messages, list) or not messages:
        raise ValueError(f"messages is {messages!r}, but must be a list of messages")
    for message in messages:
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise ValueError(f"{message!r} is no message: it has no role")
    limits = (output_limit(name, row.get(name)) for name in ("max_tokens", "max_completion_tokens"))
    return Prompt(
        messages=tuple(messages),
        max_tokens=next(filter(None, limits), max_tokens),
        input_tokens=None,
        extra={name: value for name, value in row.items() if name not in SET_BY_THE_CASE},
    )
