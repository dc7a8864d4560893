"""What a client asks, and how many tokens its prompt has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

from pytest_npuperf.simulator.media import ContentPart, TextPart

__all__ = [
    "BYTES_PER_TOKEN",
    "ChatRequest",
    "Message",
    "TokenizeRequest",
    "content_parts",
    "prompt_bytes",
    "token_ids",
    "unexpected_fields",
]

BYTES_PER_TOKEN = 4
"""Near what byte pair encodings make of English, and it takes no time that would hold answers up."""

_FRAME = 4 * BYTES_PER_TOKEN

_OPENAI_FIELDS = frozenset(
    (
        *("audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs"),
        *("max_completion_tokens", "max_tokens", "messages", "metadata", "modalities", "model", "n"),
        *("parallel_tool_calls", "prediction", "presence_penalty", "prompt_cache_key", "reasoning_effort"),
        *("response_format", "safety_identifier", "seed", "service_tier", "stop", "store", "stream"),
        *("stream_options", "temperature", "tool_choice", "tools", "top_logprobs", "top_p", "user"),
        *("verbosity", "web_search_options"),
    )
)


class Message(msgspec.Struct):
    """One message of a conversation."""

    role: str
    content: str | list[ContentPart] | None = None

    @property
    def text(self) -> str:
        """The text of all its parts."""
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content if isinstance(part, TextPart))
        return self.content or ""


_Messages = Annotated[list[Message], msgspec.Meta(min_length=1)]
_TokenCount = Annotated[int, msgspec.Meta(ge=1)]


class _StreamOptions(msgspec.Struct):
    include_usage: bool = False
    continuous_usage_stats: bool = False


class ChatRequest(msgspec.Struct):
    """The fields of a chat request that the simulator heeds; it ignores all others."""

    messages: _Messages
    model: str | None = None
    stream: bool = False
    stream_options: _StreamOptions | None = None
    max_tokens: _TokenCount | None = None
    max_completion_tokens: _TokenCount | None = None
    min_tokens: Annotated[int, msgspec.Meta(ge=0)] = 0
    ignore_eos: bool = False
    modalities: list[Literal["text", "audio"]] | None = None

    def __post_init__(self) -> None:
        asked = self.asked_tokens
        if asked is not None and self.min_tokens > asked:
            raise ValueError(
                f"min_tokens must be less than or equal to max_tokens={asked}, got {self.min_tokens}."
            )

    @property
    def asked_tokens(self) -> int | None:
        """The most tokens the answer may have, None where the request does not say."""
        return self.max_completion_tokens or self.max_tokens


class TokenizeRequest(msgspec.Struct):
    """The fields of a request to count tokens that the simulator heeds."""

    model: str | None = None
    messages: _Messages | None = None
    prompt: str | None = None

    def __post_init__(self) -> None:
        if (self.messages is None) == (self.prompt is None):
            raise ValueError("Give either `messages` or `prompt`.")

    @property
    def text(self) -> bytes:
        """What is to be tokenized, filled up to whole tokens."""
        if self.messages is not None:
            return prompt_bytes(self.messages)
        return _filled((self.prompt or "").encode())


def content_parts(messages: list[Message]) -> Iterator[ContentPart]:
    """The content parts of all messages."""
    return (part for message in messages if isinstance(message.content, list) for part in message.content)


def prompt_bytes(messages: list[Message]) -> bytes:
    """The prompt that a chat template makes of messages, four bytes a token.

    Each message has a frame of 4 tokens, for its role, and its text in UTF-8, filled up to
    whole tokens.
    """
    return b"".join(
        message.role.encode()[:_FRAME].ljust(_FRAME, b"\0") + _filled(message.text.encode())
        for message in messages
    )


def token_ids(text: bytes) -> list[int]:
    """The tokens of text that is filled up to whole ones."""
    return memoryview(text).cast("I").tolist()


def unexpected_fields(body: bytes | bytearray) -> list[str]:
    """The fields of a chat request that OpenAI's API does not have.

    Raises:
        msgspec.DecodeError: it is not a JSON object.
    """
    return sorted(set(msgspec.json.decode(body, type=dict[str, msgspec.Raw])) - _OPENAI_FIELDS)


def _filled(text: bytes) -> bytes:
    return text + bytes(-len(text) % BYTES_PER_TOKEN)
