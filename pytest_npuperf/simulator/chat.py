"""The chat protocol as vLLM speaks it: which answer a request gets, and its bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec

from pytest_npuperf.simulator.settings import SimulatorSettings

__all__ = [
    "DONE",
    "MAX_MODEL_LEN",
    "Answer",
    "ChatRequest",
    "content_events",
    "count_prompt_tokens",
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


class _TextPart(msgspec.Struct):
    type: Literal["text"]
    text: str


class _Message(msgspec.Struct):
    role: str
    content: str | list[_TextPart] | None = None


class _StreamOptions(msgspec.Struct):
    include_usage: bool = False


_TokenCount = Annotated[int, msgspec.Meta(ge=1)]


class ChatRequest(msgspec.Struct):
    """The fields of a chat request that the simulator heeds; it ignores all others."""

    messages: Annotated[list[_Message], msgspec.Meta(min_length=1)]
    model: str | None = None
    stream: bool = False
    stream_options: _StreamOptions | None = None
    max_tokens: _TokenCount | None = None
    max_completion_tokens: _TokenCount | None = None
    ignore_eos: bool = False


# No string of the event can hold this: JSON escapes its quotes.
_CONTENT = b'"content":"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a request will be answered."""

    completion_id: str
    created: int
    """Unix time, s."""
    model: str
    prompt_tokens: int
    tokens: int
    tokens_per_chunk: int
    finish_reason: Literal["stop", "length"]
    usage: bool
    done: bool

    @property
    def chunks(self) -> int:
        """Number of content chunks."""
        return -(-self.tokens // self.tokens_per_chunk)


def count_prompt_tokens(request: ChatRequest) -> int:
    """A quarter of each message's UTF-8 bytes, rounded up, and 4 for its frame in a chat template.

    That is near what byte pair encodings make of English, and it takes no time that would
    hold other answers up.
    """
    return sum(4 - (-len(_text(message).encode()) // 4) for message in request.messages)


def plan_answer(
    settings: SimulatorSettings, request: ChatRequest, *, request_id: str, created: int
) -> Answer | str:
    """The answer to a request, or why there is none because it would not fit the context.

    It has ``output_tokens`` tokens and finishes with ``stop``, or where the request's
    ``max_completion_tokens`` (else ``max_tokens``) is not more, that many and ``length``.
    ``ignore_eos`` gives exactly as many as the request asks. An end-of-sequence token is
    neither sent nor counted.
    """
    prompt_tokens = count_prompt_tokens(request)
    room = MAX_MODEL_LEN - prompt_tokens
    asked = request.max_completion_tokens or request.max_tokens
    if room < (asked or 1):
        return (
            f"This model's maximum context length is {MAX_MODEL_LEN} tokens. However, you requested "
            f"{asked or 1} output tokens and your prompt contains {prompt_tokens} input tokens. "
            "Please reduce the length of the input prompt or the number of requested output tokens."
        )
    limit = asked or room
    natural = limit if request.ignore_eos else settings.output_tokens
    include_usage = request.stream_options is not None and request.stream_options.include_usage
    return Answer(
        completion_id=f"chatcmpl-{request_id}",
        created=created,
        model=settings.model,
        prompt_tokens=prompt_tokens,
        tokens=min(natural, limit),
        tokens_per_chunk=settings.tokens_per_chunk,
        finish_reason="length" if limit <= natural else "stop",
        usage=settings.usage and (include_usage or not request.stream),
        done=settings.done,
    )


def role_event(answer: Answer) -> bytes:
    """The event that opens a stream: the role, and no content."""
    delta = {"role": "assistant", "content": ""}
    return _event(answer, [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}])


def content_events(answer: Answer) -> Iterator[tuple[bytes, int]]:
    """The content chunks with the tokens each carries; the last brings all that ends the stream."""
    head, _, tail = _content_event(answer, None).partition(_CONTENT)
    head += _CONTENT
    *starts, last = range(0, answer.tokens, answer.tokens_per_chunk)
    for start in starts:
        yield head + _words(start, start + answer.tokens_per_chunk) + tail, answer.tokens_per_chunk
    words = _words(last, answer.tokens)
    if answer.finish_reason == "length":
        finish = _content_event(answer, "length").partition(_CONTENT)[2]
    else:
        finish = tail + _content_event(answer, "stop")
    yield head + words + finish + _closing_events(answer), answer.tokens - last


def whole_body(answer: Answer) -> bytes:
    """The body of an answer that is not streamed."""
    message = {"role": "assistant", "content": _words(0, answer.tokens).decode()}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish_reason}
    body = _common(answer, "chat.completion", [choice])
    if answer.usage:
        body["usage"] = _usage(answer)
    return msgspec.json.encode(body)


def error_body(code: int, kind: str, message: str, param: str | None = None) -> bytes:
    """The body of an error response."""
    return msgspec.json.encode({"error": {"message": message, "type": kind, "param": param, "code": code}})


def _text(message: _Message) -> str:
    if isinstance(message.content, list):
        return "".join(part.text for part in message.content)
    return message.content or ""


def _words(start: int, stop: int) -> bytes:
    if stop - start == 1:
        return _WORDS[start % len(_WORDS)]
    return b"".join(_WORDS[token % len(_WORDS)] for token in range(start, stop))


def _content_event(answer: Answer, finish_reason: str | None) -> bytes:
    choice: dict[str, object] = {
        "index": 0,
        "delta": {"content": ""},
        "logprobs": None,
        "finish_reason": finish_reason,
    }
    if finish_reason is not None:
        choice["stop_reason"] = None
    return _event(answer, [choice | {"token_ids": None}])


def _closing_events(answer: Answer) -> bytes:
    usage = _event(answer, [], usage=_usage(answer)) if answer.usage else b""
    return usage + (DONE if answer.done else b"")


def _usage(answer: Answer) -> dict[str, int]:
    return {
        "prompt_tokens": answer.prompt_tokens,
        "total_tokens": answer.prompt_tokens + answer.tokens,
        "completion_tokens": answer.tokens,
    }


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
