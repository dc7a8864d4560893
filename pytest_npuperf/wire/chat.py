"""The chat completions protocol: how a request is written and what a streamed answer says."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pytest_npuperf.unknown import UNKNOWN
from pytest_npuperf.wire import failures
from pytest_npuperf.wire.exchange import Exchange
from pytest_npuperf.wire.sse import events

__all__ = ["Answer", "messages_in", "read_answer", "request_body"]

_TEXT_LIMIT = 400
_GIVE_WAY_EVERY = 32
"""Events decoded in one go: some 0.2 ms."""


_MESSAGES = b'{"messages":['


def request_body(
    messages: Sequence[Mapping[str, Any]],
    *,
    model: str,
    max_tokens: int,
    extra: Mapping[str, Any] | None = None,
) -> bytes:
    """The JSON body of a streamed request; ``extra`` adds to or overrides the fields.

    The messages come first: see ``messages_in``.
    """
    fields: dict[str, Any] = {
        "model": model,
        "max_tokens": max_tokens,
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    listed = msgspec.json.encode(messages)
    return _MESSAGES + listed[1:] + b"," + msgspec.json.encode(fields | dict(extra or {}))[1:]


def messages_in(messages: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """Where the messages stand in the body of a request with them, without the list's brackets."""
    return len(_MESSAGES), len(_MESSAGES) + len(msgspec.json.encode(messages)) - 2


class _Audio(msgspec.Struct, gc=False):
    data: str | None = None
    transcript: str | None = None


class _Delta(msgspec.Struct, gc=False):
    content: Any = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[Any] | None = None
    audio: _Audio | None = None


class _Choice(msgspec.Struct, gc=False):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _PromptDetails(msgspec.Struct, gc=False):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct, gc=False):
    prompt_tokens: int = UNKNOWN
    completion_tokens: int = UNKNOWN
    prompt_tokens_details: _PromptDetails | None = None


class _Event(msgspec.Struct, gc=False):
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


def read_answer(exchange: Exchange, *, give_way: Callable[[], object] = lambda: None) -> Answer:
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
        answer.text = "".join(pieces)
        _judge_completeness(answer)
    return answer


def _read_events(
    exchange: Exchange, answer: Answer, pieces: list[str], give_way: Callable[[], object]
) -> None:
    ends, stamps, slept = exchange.read_ends, exchange.read_stamps, exchange.read_slept
    read, earlier, last = 0, -1, -1  # the last two are the reads that completed the two chunks before
    chunk_reads = array("q")
    decode = _decode_event
    for number, (complete, data) in enumerate(events(bytes(exchange.body))):
        if number % _GIVE_WAY_EVERY == 0:
            give_way()
        while ends[read] < complete:
            read += 1
        if data == b"[DONE]":
            if not answer.failure:
                answer.t_end = stamps[read]
            break
        # What an event says of a failure came before a break of the connection: it is the cause.
        try:
            try:
                event = decode(data)
            except UnicodeDecodeError:
                # Event streams are decoded with replacement characters (WHATWG, 9.2).
                event = decode(data.decode("utf-8", "replace").encode())
        except msgspec.DecodeError as exc:
            answer.failure, answer.failure_text = failures.BAD_EVENT, f"{exc}: {_readable(data)}"
            break
        if event.error is not None:
            answer.failure = failures.SERVER_ERROR
            answer.failure_text = _readable(msgspec.json.encode(event.error))
            break
        tokens_before = answer.output_tokens
        if _take(event, answer, pieces):
            chunk_reads.append(read)
            answer.chunk_tokens.append(_tokens_since(tokens_before, answer) if event.usage else UNKNOWN)
            if read == last != earlier and not slept[read]:
                answer.crowded_reads += 1
                answer.crowded_first |= len(chunk_reads) == 2
            earlier, last = last, read
    lags = exchange.read_lags
    answer.chunk_stamps = array("q", [stamps[read] for read in chunk_reads])
    answer.chunk_lags = array("q", [lags[read] for read in chunk_reads])


def _tokens_since(before: int, answer: Answer) -> int:
    return UNKNOWN if answer.output_tokens == UNKNOWN else answer.output_tokens - max(before, 0)


def _take(event: _Event, answer: Answer, pieces: list[str]) -> bool:
    """Note what an event says; True where it is a chunk, that is, carries generated output."""
    if not answer.model and event.model:
        answer.model = event.model
    if event.usage is not None:
        _take_usage(event.usage, answer)
    is_chunk = False
    for choice in event.choices or ():
        if choice.finish_reason:
            answer.finish_reason = choice.finish_reason
        delta = choice.delta
        if delta is None:
            continue
        content = delta.content
        if content:
            is_chunk = True
            if content.__class__ is str:
                pieces.append(content)
        elif delta.reasoning_content or delta.reasoning or delta.tool_calls or _has_sound(delta.audio):
            is_chunk = True
    return is_chunk


def _has_sound(audio: _Audio | None) -> bool:
    return audio is not None and bool(audio.data or audio.transcript)


def _take_usage(usage: _Usage, answer: Answer) -> None:
    answer.input_tokens = usage.prompt_tokens
    answer.output_tokens = usage.completion_tokens
    details = usage.prompt_tokens_details
    if details is not None and details.cached_tokens is not None:
        answer.cached_tokens = details.cached_tokens


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
