"""What one request says."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["Prompt", "user_prompt"]


class Prompt(msgspec.Struct, frozen=True):
    """The content of one request to ``/v1/chat/completions``.

    ``input_tokens`` is the count aimed at by an estimate, before the server wraps the messages in its
    chat template; None where nothing was aimed at. ``exact_output`` asks for exactly ``max_tokens``
    output tokens, where it is False they are an upper bound.
    """

    messages: tuple[dict[str, Any], ...]
    """The OpenAI message list."""
    max_tokens: int
    input_tokens: int | None
    exact_output: bool = False


def user_prompt(
    text: str, *, max_tokens: int, input_tokens: int | None, exact_output: bool = False
) -> Prompt:
    """The prompt that consists of one user message."""
    return Prompt(({"role": "user", "content": text},), max_tokens, input_tokens, exact_output)
