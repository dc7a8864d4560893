"""The chat protocol as vLLM speaks it: which answer a request gets, and its bytes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import msgspec

from pytest_npuperf.simulator.request import ChatRequest
from pytest_npuperf.simulator.settings import SimulatorSettings

__all__ = [
    "DONE",
    "MAX_MODEL_LEN",
    "Answer",
    "content_events",
    "error_body",
    "plan_answer",
    "role_event",
    "whole_body",
]

MAX_MODEL_LEN = 131_072
"""Tokens of a prompt and its answer together."""

DONE = b"data: [DONE]\n\n"

_WORDS = tuple(
    b" " + word
    for word in (
        b"the rain on the hill falls into a river that was there long before anyone came to name it "
        b"and every drop of it counts one two three four five six seven eight nine ten"
    ).split()
)
"""What is generated, over and over; each token brings the space before it."""

_SILENCE = b"A" * 2560
"""The sound of a token: 40 ms of 24 kHz, mono, 16 bit, in base64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a request will be answered."""

    completion_id: str
    created: int
    """Unix time, s."""
    model: str
    prompt_tokens: int
    cached_tokens: int | None
    """Of the prompt, None where nothing is cached."""
    tokens: int
    text_tokens: int
    """The first so many are text, those after them sound."""
    tokens_per_chunk: int
    finish_reason: Literal["stop", "length"]
    usage: bool
    output_count: bool
    """Whether usage counts the output; it says 0 else."""
    continuous_usage: bool
    """Whether every chunk has the usage so far."""
    done: bool

    @property
    def chunks(self) -> int:
        """Number of content chunks."""
        return -(-self.tokens // self.tokens_per_chunk)


def plan_answer(
    settings: SimulatorSettings,
    request: ChatRequest,
    *,
    request_id: str,
    created: int,
    number: int,
    prompt_tokens: int,
    cached_tokens: int | None = None,
) -> Answer | str:
    """The answer to a request, or why there is none because it would not fit the context.

    It has ``output_tokens`` tokens and finishes with ``stop``, or where the request's
    ``max_completion_tokens`` (else ``max_tokens``) is not more, that many and ``length``.
    ``ignore_eos`` gives exactly as many as the request asks, ``min_tokens`` no fewer than that.
    An end-of-sequence token is neither sent nor counted. With ``output_jitter`` s, output_tokens is
    multiplied by ``exp(s * z)``, z standard normal, which follows from the seed and ``number``,
    the place of the request in the order of arrival. With ``audio`` among the ``modalities`` the
    chunks of the second half carry sound, or with it alone all of them.
    """
    room = MAX_MODEL_LEN - prompt_tokens
    asked = request.asked_tokens
    least = asked or max(1, request.min_tokens)
    if room < least:
        return (
            f"This model's maximum context length is {MAX_MODEL_LEN} tokens. However, you requested "
            f"{least} output tokens and your prompt contains {prompt_tokens} input tokens. "
            "Please reduce the length of the input prompt or the number of requested output tokens."
        )
    limit = asked or room
    natural = limit if request.ignore_eos else max(_natural_tokens(settings, number), request.min_tokens)
    tokens = min(natural, limit)
    options = request.stream_options
    include_usage = options is not None and options.include_usage
    continuous = options is not None and options.include_usage and options.continuous_usage_stats
    return Answer(
        completion_id=f"chatcmpl-{request_id}",
        created=created,
        model=settings.answer_model or settings.model,
        prompt_tokens=prompt_tokens,
        cached_tokens=cached_tokens,
        tokens=tokens,
        text_tokens=_text_tokens(request.modalities or ["text"], tokens, settings.tokens_per_chunk),
        tokens_per_chunk=settings.tokens_per_chunk,
        finish_reason="length" if limit <= natural else "stop",
        usage=settings.usage and (include_usage or not request.stream),
        output_count=settings.output_count,
        continuous_usage=settings.usage and continuous,
        done=settings.done,
    )


def role_event(answer: Answer) -> bytes:
    """The event that opens a stream: the role, and no content."""
    delta = {"role": "assistant", "content": ""}
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}
    return _with_usage(answer, _event(answer, [choice]), 0)


def content_events(answer: Answer) -> Iterator[tuple[bytes, int]]:
    """The content chunks with the tokens each carries; the last brings all that ends the stream."""
    size = answer.tokens_per_chunk
    *starts, last = range(0, answer.tokens, size)
    text, sound = _frame(answer, sound=False), _frame(answer, sound=True)
    for start in starts:
        head, tail = text if start < answer.text_tokens else sound
        yield head + _output(answer, start, start + size) + _with_usage(answer, tail, start + size), size
    cut = answer.finish_reason == "length"
    head, tail = _frame(answer, sound=last >= answer.text_tokens, finish_reason="length" if cut else None)
    tail = _with_usage(answer, tail, answer.tokens)
    if not cut:
        finish = b"".join(_frame(answer, sound=False, finish_reason="stop"))
        tail += _with_usage(answer, finish, answer.tokens)
    yield head + _output(answer, last, answer.tokens) + tail + _closing_events(answer), answer.tokens - last


def whole_body(answer: Answer) -> bytes:
    """The body of an answer that is not streamed."""
    message: dict[str, object] = {"role": "assistant", "content": _words(0, answer.text_tokens).decode()}
    if answer.text_tokens < answer.tokens:
        message["audio"] = _sound(answer, _output(answer, answer.text_tokens, answer.tokens).decode())
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish_reason}
    body = _common(answer, "chat.completion", [choice])
    if answer.usage:
        body["usage"] = _usage(answer)
    return msgspec.json.encode(body)


def error_body(code: int, kind: str, message: str, param: str | None = None) -> bytes:
    """The body of an error response."""
    return msgspec.json.encode({"error": {"message": message, "type": kind, "param": param, "code": code}})


def _natural_tokens(settings: SimulatorSettings, number: int) -> int:
    """How long the answer is that ends by itself."""
    if not settings.output_jitter:
        return settings.output_tokens
    # A sequence of its own: the lengths must not change the timings.
    factor = random.Random(f"{settings.seed}:{number}:length").lognormvariate(0, settings.output_jitter)
    return max(1, round(settings.output_tokens * factor))


def _text_tokens(modalities: list[Literal["text", "audio"]], tokens: int, tokens_per_chunk: int) -> int:
    if "audio" not in modalities:
        return tokens
    if "text" not in modalities:
        return 0
    chunks = -(-tokens // tokens_per_chunk)
    return min(-(-chunks // 2) * tokens_per_chunk, tokens)


def _output(answer: Answer, start: int, stop: int) -> bytes:
    return _words(start, stop) if start < answer.text_tokens else _SILENCE * (stop - start)


def _words(start: int, stop: int) -> bytes:
    if stop - start == 1:
        return _WORDS[start % len(_WORDS)]
    return b"".join(_WORDS[token % len(_WORDS)] for token in range(start, stop))


def _frame(answer: Answer, *, sound: bool, finish_reason: str | None = None) -> tuple[bytes, bytes]:
    """The event of a content chunk, before and after what it carries."""
    choice: dict[str, object] = {
        "index": 0,
        "delta": {"audio": _sound(answer, "")} if sound else {"content": ""},
        "logprobs": None,
        "finish_reason": finish_reason,
    }
    if finish_reason is not None:
        choice["stop_reason"] = None
    # No string of the event can hold this: JSON escapes its quotes.
    head, key, tail = _event(answer, [choice | {"token_ids": None}]).partition(
        b'"data":"' if sound else b'"content":"'
    )
    return head + key, tail


def _sound(answer: Answer, data: str) -> dict[str, str]:
    return {"id": f"audio-{answer.completion_id}", "data": data}


def _closing_events(answer: Answer) -> bytes:
    usage = _event(answer, [], usage=_usage(answer)) if answer.usage else b""
    return usage + (DONE if answer.done else b"")


def _usage(answer: Answer) -> dict[str, object]:
    usage: dict[str, object] = {**_counts(answer, answer.tokens)}
    if answer.cached_tokens is not None:
        usage["prompt_tokens_details"] = {"cached_tokens": answer.cached_tokens}
    return usage


def _counts(answer: Answer, tokens: int) -> dict[str, int]:
    counted = tokens if answer.output_count else 0
    return {
        "prompt_tokens": answer.prompt_tokens,
        "total_tokens": answer.prompt_tokens + counted,
        "completion_tokens": counted,
    }


def _with_usage(answer: Answer, event: bytes, tokens: int) -> bytes:
    """The end of an event, with the usage so far where every chunk has it."""
    if not answer.continuous_usage:
        return event
    return b'%b,"usage":%b}\n\n' % (
        event.removesuffix(b"}\n\n"),
        msgspec.json.encode(_counts(answer, tokens)),
    )


def _event(answer: Answer, choices: list[dict[str, object]], **more: object) -> bytes:
    body = _common(answer, "chat.completion.chunk", choices) | more
    return b"data: %b\n\n" % msgspec.json.encode(body)


def _common(answer: Answer, kind: str, choices: list[dict[str, object]]) -> dict[str, object]:
    return {
        "id": answer.completion_id,
        "object": kind,
        "created": answer.created,
        "model": answer.model,
        "choices": choices,
    }
