"""The chat completions protocol: how a request is written and what a streamed answer says."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pytest_npuperf.unknown import UNKNOWN
from pytest_npuperf.wire import failures
from pytest_npuperf.wire.exchange import Exchange
from pytest_npuperf.wire.sse import events

__all__ = ["Answer", "read_answer", "request_body"]

_TEXT_LIMIT = 400
_GIVE_WAY_EVERY = 32
"""Events decoded in one go: some 0.2 ms."""


def request_body(
    messages: Sequence[Mapping[str, Any]],
    *,
    model: str,
    max_tokens: int,
    extra: Mapping[str, Any] | None = None,
) -> bytes:
    """The JSON body of a streamed request; ``extra`` adds to or overrides the fields."""
    fields: dict[str, Any] = {
        "model": model,
        "messages": messages,
        "max_tokens": max_tokens,
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    return msgspec.json.encode(fields | dict(extra or {}))


class _Delta(msgspec.Struct):
    content: Any = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[Any] | None = None
    audio: dict[str, Any] | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _PromptDetails(msgspec.Struct):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int = UNKNOWN
    completion_tokens: int = UNKNOWN
    prompt_tokens_details: _PromptDetails | None = None


class _Event(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Any = None
    model: str | None = None


_decode_event = msgspec.json.Decoder(_Event).decode


@dataclass(slots=True)
class Answer:
    """What the stream of one response said; stamps in monotonic nanoseconds.

    ``failure`` is one of ``wire.failures`` where the response was not a whole, non-empty answer.
    """

    chunk_stamps: array[int] = field(default_factory=lambda: array("q"))
    chunk_lags: array[int] = field(default_factory=lambda: array("q"))
    chunk_tokens: array[int] = field(default_factory=lambda: array("q"))
    """Tokens of each chunk, UNKNOWN where the server does not say."""
    crowded_reads: int = 0
    """Reads of more than one chunk before which the event loop had not slept."""
    crowded_first: bool = False
    """Whether the first chunk came in such a read."""
    t_end: int = UNKNOWN
    input_tokens: int = UNKNOWN
    output_tokens: int = UNKNOWN
    cached_tokens: int = UNKNOWN
    tokens_estimated: bool = False
    finish_reason: str = ""
    model: str = ""
    text: str = ""
    failure: str = ""
    failure_text: str = ""


def read_answer(
    exchange: Exchange, *, keep_text: bool = False, give_way: Callable[[], object] = lambda: None
) -> Answer:
    """Decode the events of an exchange; each chunk gets the stamp of the read that completed it.

    ``give_way`` is called now and then in a long answer.
    """
    answer = Answer(t_end=exchange.t_end, failure=exchange.failure, failure_text=exchange.failure_text)
    if not answer.failure and exchange.status != 200:
        answer.failure = failures.HTTP_STATUS
        answer.failure_text = f"HTTP {exchange.status}: {_readable(bytes(exchange.body))}"
    if exchange.status == 200:
        pieces: list[str] = []
        _read_events(exchange, answer, pieces, give_way)
        if keep_text:
            answer.text = "".join(pieces)
        _judge_completeness(answer)
    return answer


def _read_events(
    exchange: Exchange, answer: Answer, pieces: list[str], give_way: Callable[[], object]
) -> None:
    body = bytes(exchange.body)
    earlier, last = -1, -1  # the reads that completed the two chunks before
    for number, (complete, data) in enumerate(events(body)):
        if number % _GIVE_WAY_EVERY == 0:
            give_way()
        read = bisect_left(exchange.read_ends, complete)
        if data == b"[DONE]":
            if not answer.failure:
                answer.t_end = exchange.read_stamps[read]
            return
        # What an event says of a failure came before a break of the connection: it is the cause.
        try:
            event = _decode(data)
        except msgspec.DecodeError as exc:
            answer.failure, answer.failure_text = failures.BAD_EVENT, f"{exc}: {_readable(data)}"
            return
        if event.error is not None:
            answer.failure = failures.SERVER_ERROR
            answer.failure_text = _readable(msgspec.json.encode(event.error))
            return
        tokens_before = max(answer.output_tokens, 0)
        if _take(event, answer, pieces):
            answer.chunk_stamps.append(exchange.read_stamps[read])
            answer.chunk_lags.append(exchange.read_lags[read])
            counted = event.usage is not None and event.usage.completion_tokens != UNKNOWN
            answer.chunk_tokens.append(answer.output_tokens - tokens_before if counted else UNKNOWN)
            if read == last != earlier and not exchange.read_slept[read]:
                answer.crowded_reads += 1
                answer.crowded_first |= len(answer.chunk_stamps) == 2
            earlier, last = last, read


def _decode(data: bytes) -> _Event:
    try:
        return _decode_event(data)
    except UnicodeDecodeError:
        # Event streams are decoded with replacement characters (WHATWG, 9.2).
        return _decode_event(data.decode("utf-8", "replace").encode())


def _take(event: _Event, answer: Answer, pieces: list[str]) -> bool:
    """Note what an event says; True where it is a chunk, that is, carries generated output."""
    if event.model:
        answer.model = event.model
    if event.usage is not None:
        answer.input_tokens = event.usage.prompt_tokens
        answer.output_tokens = event.usage.completion_tokens
        details = event.usage.prompt_tokens_details
        if details is not None and details.cached_tokens is not None:
            answer.cached_tokens = details.cached_tokens
    is_chunk = False
    for choice in event.choices or ():
        if choice.finish_reason:
            answer.finish_reason = choice.finish_reason
        delta = choice.delta
        if delta is None:
            continue
        if delta.content or delta.reasoning_content or delta.reasoning or delta.tool_calls or delta.audio:
            is_chunk = True
        if isinstance(delta.content, str):
            pieces.append(delta.content)
    return is_chunk


def _judge_completeness(answer: Answer) -> None:
    if not answer.finish_reason:
        _fail(answer, failures.TRUNCATED, "the stream ended without a finish reason")
    elif not answer.chunk_stamps:
        _fail(answer, failures.EMPTY, f"no output, finish reason {answer.finish_reason!r}")
    if answer.output_tokens == UNKNOWN:
        answer.output_tokens = len(answer.chunk_stamps)
        answer.tokens_estimated = True


def _fail(answer: Answer, kind: str, text: str) -> None:
    """Note a failure, unless there is one already: this one is its consequence."""
    if not answer.failure:
        answer.failure, answer.failure_text = kind, text


def _readable(data: bytes) -> str:
    text = data.decode("utf-8", "replace").strip()
    return text if len(text) <= _TEXT_LIMIT else f"{text[:_TEXT_LIMIT]}... ({len(text)} characters)"
