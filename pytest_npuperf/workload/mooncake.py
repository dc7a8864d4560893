"""Recorded traffic in the format of Mooncake's traces, as prompts that say when they are due."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import msgspec

from pytest_npuperf.workload.gauge import ESTIMATE, Gauge
from pytest_npuperf.workload.natural_text import natural_text, opening
from pytest_npuperf.workload.prompt import Prompt, user_prompt
from pytest_npuperf.workload.prompt_file import SET_BY_THE_CASE, file_settings, malformed, open_file

__all__ = ["Mooncake", "mooncake_prompts", "parse_mooncake"]

_MS_PER_S = 1000
_BLOCK_TOKENS = 512
"""What a hash stands for; the last one of a request, for what is left."""
_BLOCKS_KEPT = 4096
"""Texts of blocks that are kept in case they come again, some 3 kB each."""
_SHAPE = (
    'a line is {"timestamp": ms, "input_length": 1200, "output_length": 52, "hash_ids": [0, 1, 2]} or '
    '{"timestamp": ms, "messages": [{"role": "user", "content": "..."}], "output_length": 52}; '
    '"max_tokens" instead of "output_length" is an upper bound'
)
_NOT_SENT = {"timestamp", "session_id", "input_length", "output_length", "hash_ids"}
_Count = Annotated[int, msgspec.Meta(ge=1)]


@dataclass(frozen=True, slots=True)
class Mooncake:
    """Settings of a recorded trace: its ``path``."""

    path: Path


class _Message(msgspec.Struct, frozen=True):
    role: str


class _Line(msgspec.Struct, frozen=True):
    timestamp: float
    """Milliseconds."""
    input_length: _Count | None = None
    hash_ids: list[int] | None = None
    messages: Annotated[list[_Message], msgspec.Meta(min_length=1)] | None = None
    input_text: str | None = None
    output_length: _Count | None = None
    max_tokens: _Count | None = None
    max_completion_tokens: _Count | None = None


def parse_mooncake(settings: object, base: Path) -> Mooncake:
    """What stands under ``mooncake``: a path, or settings by name."""
    return Mooncake(**file_settings("mooncake", settings, base))


def mooncake_prompts(dataset: Mooncake, *, seed: int | str, gauge: Gauge = ESTIMATE) -> Iterator[Prompt]:
    """Yield the requests of the trace in their order, each with its offset from the first.

    Where a line has lengths alone, each of its hashes becomes a text of 512 tokens by the gauge (the
    first one together with the chat template, the last one what is left), and the same hash the same
    text: requests share their beginnings as the recorded ones did, and a prefix cache hits as it did.

    Raises:
        DatasetError: The file cannot be read; on the way: a line is malformed or goes back in time.
    """
    open_file(dataset.path).close()
    return _prompts(dataset.path, _Texts(seed, gauge))


class _Texts:
    """What lines of lengths alone say."""

    def __init__(self, seed: int | str, gauge: Gauge) -> None:
        self._seed = seed
        self._gauge = gauge
        self._block = lru_cache(_BLOCKS_KEPT)(self._make_block)

    def of_hashes(self, hash_ids: list[int], input_length: int) -> str:
        """A text of one block for each hash."""
        begins = range(0, input_length, _BLOCK_TOKENS)
        if len(hash_ids) != len(begins):
            raise ValueError(
                f"hash_ids has {len(hash_ids)}, but an input_length of {input_length} needs {len(begins)}, "
                f"one for each {_BLOCK_TOKENS} tokens begun"
            )
        ends = (min(begin + _BLOCK_TOKENS, input_length) for begin in begins)
        return " ".join(map(self._block, hash_ids, begins, ends))

    def of_line(self, number: int, input_length: int) -> str:
        """A text that is unlike those of all other lines."""
        name = f"{self._seed}/lines"
        rng = random.Random(f"{name}/{number}")
        return natural_text(rng, input_length, gauge=self._gauge, begin=opening(name, number))

    def _make_block(self, hash_id: int, begin: int, end: int) -> str:
        """The text from one token of a prompt to another; where that begins, at least four words."""
        name = f"{self._seed}/blocks"
        tokens = self._gauge.text_tokens(end) - self._gauge.text_tokens(begin)
        words = opening(name, hash_id)
        return natural_text(
            random.Random(f"{name}/{hash_id}"),
            tokens,
            gauge=Gauge(self._gauge.count),
            begin=words[:tokens] if begin else words,
        )


def _prompts(path: Path, texts: _Texts) -> Iterator[Prompt]:
    first = latest = None
    with open_file(path) as file:
        start = file.tell()
        for number, data in enumerate(file):
            if not data.isspace():
                try:
                    row = msgspec.json.decode(data, type=dict[str, Any])
                    line = msgspec.convert(row, _Line)
                    _check_order(line.timestamp, latest)
                    prompt = _prompt(line, row, number, texts)
                except ValueError as error:
                    raise malformed(path, start, str(error), _SHAPE) from error
                latest = line.timestamp
                first = latest if first is None else first
                yield msgspec.structs.replace(prompt, offset=(latest - first) / _MS_PER_S)
            start += len(data)


def _check_order(timestamp: float, latest: float | None) -> None:
    if latest is not None and timestamp < latest:
        raise ValueError(
            f"timestamp is {timestamp:.15g}, but {latest:.15g} came before: sort the lines by timestamp"
        )


def _prompt(line: _Line, row: dict[str, Any], number: int, texts: _Texts) -> Prompt:
    max_tokens = line.output_length or line.max_tokens or line.max_completion_tokens
    if max_tokens is None:
        raise ValueError("output_length is missing, and so is max_tokens")
    exact = line.output_length is not None
    if line.messages is not None:
        extra = {name: value for name, value in row.items() if name not in _NOT_SENT | SET_BY_THE_CASE}
        return Prompt(tuple(row["messages"]), max_tokens, None, exact_output=exact, extra=extra)
    if line.input_text is not None:
        return user_prompt(line.input_text, max_tokens=max_tokens, input_tokens=None, exact_output=exact)
    length = line.input_length
    if length is None:
        raise ValueError("input_length is missing, and so is messages")
    text = texts.of_hashes(line.hash_ids, length) if line.hash_ids else texts.of_line(number, length)
    return user_prompt(text, max_tokens=max_tokens, input_tokens=length, exact_output=exact)
