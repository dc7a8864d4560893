"""Conversations of several turns, made of common words."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

from pytest_npuperf.errors import CaseError
from pytest_npuperf.workload.checks import check_count
from pytest_npuperf.workload.gauge import ESTIMATE, Gauge
from pytest_npuperf.workload.lengths import Length, draw_length, parse_length
from pytest_npuperf.workload.natural_text import OPENING_TOKENS, natural_text, opening
from pytest_npuperf.workload.prompt import Prompt
from pytest_npuperf.workload.settings import seconds_of, take_keys
from pytest_npuperf.workload.tool_definitions import MOST_TOOLS, tool_definitions

__all__ = ["Conversation", "Exponential", "conversation_prompts", "parse_conversation"]


@dataclass(frozen=True, slots=True)
class Exponential:
    """Exponentially distributed times of ``mean`` seconds."""

    mean: float


@dataclass(frozen=True, slots=True)
class Conversation:
    """Settings of synthetic conversations.

    Each has so many ``turns``. A turn brings a message of ``input_tokens`` (at least 4), is answered
    by exactly ``output_tokens``, and comes ``think_time`` seconds after the answer before it. All
    conversations begin with the same system prompt of ``system_tokens`` (at least 4) and offer the
    same ``tools``, so many of them (up to 128).
    """

    turns: Length
    input_tokens: Length
    output_tokens: Length
    system_tokens: int | None = None
    think_time: float | Exponential = 0.0
    tools: int = 0

    def __post_init__(self) -> None:
        for name, at_least in (("turns", 1), ("input_tokens", OPENING_TOKENS), ("output_tokens", 1)):
            length = parse_length(f"conversation.{name}", getattr(self, name), at_least=at_least)
            object.__setattr__(self, name, length)
        if self.system_tokens is not None:
            check_count("conversation.system_tokens", self.system_tokens, at_least=OPENING_TOKENS)
        _check_think_time(self.think_time)
        if type(self.tools) is not int or not 0 <= self.tools <= MOST_TOOLS:
            raise CaseError(
                f"dataset: conversation.tools is {self.tools!r}, but must be a whole number from 0 to "
                f"{MOST_TOOLS}"
            )


def parse_conversation(settings: object, base: Path) -> Conversation:  # noqa: ARG001
    """What stands under ``conversation``."""
    keys = take_keys(
        "conversation",
        settings,
        required=("turns", "input_tokens", "output_tokens"),
        optional=("system_tokens", "think_time", "tools"),
    )
    if "think_time" in keys:
        keys["think_time"] = _parse_think_time(keys["think_time"])
    return Conversation(**keys)


def conversation_prompts(
    dataset: Conversation, *, seed: int | str, gauge: Gauge = ESTIMATE
) -> Iterator[Prompt]:
    """Yield conversations without end, turn by turn; a later turn holds its own message alone.

    Each message has its tokens by the gauge, without the chat template. What a prompt has as a whole
    is known of first turns without system prompt and tools; the answers in a history are the server's.
    """
    bare = replace(gauge, template_tokens=0)
    system = _system_messages(dataset.system_tokens, seed, bare)
    extra = _tool_fields(dataset.tools)
    openings = (opening(seed, index) for index in count())
    for number in count():
        rng = random.Random(f"{seed}/{number}")
        for turn in range(draw_length(dataset.turns, rng)):
            tokens = draw_length(dataset.input_tokens, rng)
            text = natural_text(rng, tokens, gauge=bare, begin=next(openings))
            message = {"role": "user", "content": text}
            alone = turn == 0 and not system and not extra
            yield Prompt(
                messages=(message,) if turn else (*system, message),
                max_tokens=draw_length(dataset.output_tokens, rng),
                input_tokens=tokens + gauge.template_tokens if alone else None,
                exact_output=True,
                extra=extra,
                turn=turn,
                think_time=_draw_think_time(dataset.think_time, rng) if turn else 0.0,
            )


def _system_messages(tokens: int | None, seed: int | str, gauge: Gauge) -> list[dict[str, Any]]:
    if tokens is None:
        return []
    name = f"{seed}/system"
    text = natural_text(random.Random(name), tokens, gauge=gauge, begin=opening(name, 0))
    return [{"role": "system", "content": text}]


def _tool_fields(number: int) -> dict[str, Any]:
    # The model reads them but answers in text: a server needs no parser for tool calls, an answer has
    # the length asked for, and the next turn something to follow.
    return {"tools": tool_definitions(number), "tool_choice": "none"} if number else {}


def _parse_think_time(value: Any) -> Any:
    if isinstance(value, Mapping):
        keys = take_keys("conversation.think_time", value, required=("exponential",))
        return Exponential(_parse_think_time(keys["exponential"]))
    return seconds_of("conversation.think_time", value)


def _check_think_time(value: object) -> None:
    seconds = value.mean if isinstance(value, Exponential) else value
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds < math.inf:
        raise CaseError(
            f"dataset: conversation.think_time is {value!r}, but must be a number of seconds of at least 0, "
            f"a duration like 500 ms, or {{exponential: 500 ms}}"
        )


def _draw_think_time(think_time: float | Exponential, rng: random.Random) -> float:
    if isinstance(think_time, Exponential):
        return -think_time.mean * math.log(1.0 - rng.random())
    return think_time
