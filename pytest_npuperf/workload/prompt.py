"""What one request says."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["Prompt", "user_prompt"]


class Prompt(msgspec.Struct, frozen=True):
    """The content of one request to ``/v1/chat/completions``.

    ``input_tokens`` is the count aimed at, as the server counts it; None where nothing was aimed
    at. ``exact_output`` asks for exactly ``max_tokens`` output tokens, where it is False they are
    an upper bound.
    """

    messages: tuple[dict[str, Any], ...]
    """The OpenAI message list; of a later turn, its own messages alone."""
    max_tokens: int
    input_tokens: int | None
    exact_output: bool = False
    extra: dict[str, Any] = {}
    """More fields of the request: ``tools``, ``modalities``, ..."""
    offset: float | None = None
    """When a replayed trace wants it sent, seconds after its first request."""
    turn: int | None = None
    """Which turn of a conversation it is, from 0; None outside of one. A turn after the first
    follows the prompt before it: that one's messages and the server's answer go before its own."""
    think_time: float = 0.0
    """Seconds between the answer of the turn before and this one."""


def user_prompt(
    text: str, *, max_tokens: int, input_tokens: int | None, exact_output: bool = False
) -> Prompt:
    """The prompt that consists of one user message."""
    return Prompt(({"role": "user", "content": text},), max_tokens, input_tokens, exact_output)
