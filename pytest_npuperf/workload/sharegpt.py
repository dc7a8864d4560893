"""Conversations from ShareGPT's published file, or from any other of its shape."""

from __future__ import annotations

import mmap
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import msgspec

from pytest_npuperf.errors import CaseError, DatasetError
from pytest_npuperf.workload.checks import check_count
from pytest_npuperf.workload.gauge import ESTIMATE, Gauge
from pytest_npuperf.workload.prompt import Prompt
from pytest_npuperf.workload.prompt_file import excerpt, file_settings, once_each, open_file
from pytest_npuperf.workload.settings import seconds_of

__all__ = ["ShareGpt", "parse_sharegpt", "sharegpt_prompts"]

_SHAPE = (
    'ShareGPT is an array of {"id": "...", "conversations": [{"from": "human", "value": "..."}, '
    '{"from": "gpt", "value": "..."}, ...]}'
)
_USER = {"human", "user"}
_ASSISTANT = {"gpt", "assistant", "chatgpt", "bing", "bard"}
_SHORTEST = 4
"""Tokens of a first prompt and of its answer, as in vLLM's benchmark."""


@dataclass(frozen=True, slots=True)
class ShareGpt:
    """Settings of ShareGPT: the ``path`` of the file, and what is taken of a conversation.

    At most ``turns`` turns of each are sent, the next one ``think_time`` seconds after the answer. A
    turn whose input, history included, is above ``max_input_tokens``, or above ``max_total_tokens``
    together with its recorded answer, is not sent, nor is what follows it; the defaults are those of
    vLLM's benchmark.
    """

    path: Path
    turns: int | Literal["all"] = 1
    think_time: float = 0.0
    max_input_tokens: int = 1024
    max_total_tokens: int = 2048

    def __post_init__(self) -> None:
        if self.turns != "all" and (type(self.turns) is not int or self.turns < 1):
            raise CaseError(
                f"dataset: sharegpt.turns is {self.turns!r}, but must be a whole number of at least 1, or all"
            )
        if type(self.think_time) not in (int, float) or not self.think_time >= 0:
            raise CaseError(
                f"dataset: sharegpt.think_time is {self.think_time!r}, but must be a number of seconds of at "
                f"least 0, or a duration like 500 ms"
            )
        check_count("sharegpt.max_input_tokens", self.max_input_tokens, at_least=_SHORTEST)
        check_count("sharegpt.max_total_tokens", self.max_total_tokens, at_least=2 * _SHORTEST)


class _Message(msgspec.Struct, frozen=True):
    speaker: str = msgspec.field(name="from")
    value: str


class _Entry(msgspec.Struct, frozen=True):
    conversations: list[_Message]


class _Conversation(msgspec.Struct, frozen=True):
    """The part of an entry in which a user and the assistant take turns."""

    system: str | None = None
    exchanges: Sequence[tuple[str, str]] = ()


def parse_sharegpt(settings: object, base: Path) -> ShareGpt:
    """What stands under ``sharegpt``: a path, or settings by name."""
    optional = ("turns", "think_time", "max_input_tokens", "max_total_tokens")
    keys = file_settings("sharegpt", settings, base, optional=optional)
    if "think_time" in keys:
        keys["think_time"] = seconds_of("sharegpt.think_time", keys["think_time"])
    return ShareGpt(**keys)


def sharegpt_prompts(dataset: ShareGpt, *, seed: int | str, gauge: Gauge = ESTIMATE) -> Iterator[Prompt]:
    """Yield the conversations in an order that the seed decides, turn by turn.

    A turn is the recorded prompt, and asks for at most as many tokens as the recorded answer has by
    the gauge. Entries that do not begin with a prompt and an answer of at least 4 tokens each are
    left out.

    Raises:
        DatasetError: The file cannot be read or is no JSON array; on the way: there are no more.
    """
    entries = _read(dataset.path)
    return once_each(
        _prompts(dataset, entries, seed, gauge),
        path=dataset.path,
        shape=f"each entry is broken, too short or too long; {_SHAPE}",
        remedy=f"ask for fewer requests, use a longer file, or raise max_input_tokens "
        f"({dataset.max_input_tokens}) and max_total_tokens ({dataset.max_total_tokens})",
    )


def _read(path: Path) -> list[msgspec.Raw]:
    """The entries as they stand in the file, which is mapped: only those that are sent are decoded."""
    with open_file(path) as file:
        if not file.read(1):
            raise DatasetError(f"{path} is empty; {_SHAPE}")
        start = file.tell() - 1
        data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))[start:]
    try:
        return msgspec.json.decode(data, type=list[msgspec.Raw])
    except ValueError as error:
        raise DatasetError(f"{path}: {error}; seen: {excerpt(bytes(data[:400]))}; {_SHAPE}") from error


def _prompts(
    dataset: ShareGpt, entries: Sequence[msgspec.Raw], seed: int | str, gauge: Gauge
) -> Iterator[Prompt]:
    order = list(range(len(entries)))
    random.Random(f"{seed}/order").shuffle(order)
    for number in order:
        yield from _turns(dataset, _conversation(entries[number]), gauge)


def _conversation(entry: msgspec.Raw) -> _Conversation:
    try:
        messages = msgspec.json.decode(entry, type=_Entry).conversations
    except ValueError:
        return _Conversation()
    system = messages.pop(0).value if messages and messages[0].speaker == "system" else None
    exchanges: list[tuple[str, str]] = []
    for asked, answered in zip(messages[::2], messages[1::2], strict=False):
        regular = asked.speaker in _USER and answered.speaker in _ASSISTANT
        if not (regular and asked.value.strip() and answered.value.strip()):
            break
        exchanges.append((asked.value, answered.value))
    return _Conversation(system, exchanges)


def _turns(dataset: ShareGpt, conversation: _Conversation, gauge: Gauge) -> Iterator[Prompt]:
    def tokens(text: str) -> int:
        return max(1, round(gauge.count(text) * gauge.scale))

    messages = [{"role": "system", "content": conversation.system}] if conversation.system else []
    used = tokens(conversation.system) if conversation.system else 0
    limit = None if dataset.turns == "all" else dataset.turns
    for turn, (prompt, answer) in enumerate(islice(conversation.exchanges, limit)):
        asked, answered = tokens(prompt), tokens(answer)
        used += asked
        if turn == 0 and min(asked, answered) < _SHORTEST:
            return
        if used > dataset.max_input_tokens or used + answered > dataset.max_total_tokens:
            return
        yield Prompt(
            messages=(*messages, {"role": "user", "content": prompt}),
            max_tokens=answered,
            input_tokens=None,
            turn=None if dataset.turns == 1 else turn,
            think_time=dataset.think_time if turn else 0.0,
        )
        messages = []
        used += answered
