"""Counting tokens as the model does, where its tokenizer is at hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pytest_npuperf.workload.tokens import estimate_tokens

__all__ = ["TokenCounter", "token_counter"]

_FILE = "tokenizer.json"


@dataclass(frozen=True, slots=True)
class TokenCounter:
    """Counts the tokens of a text, without those that begin or end a sequence."""

    count: Callable[[str], int]
    exact: bool
    """Whether it counts as the model does."""
    source: str
    """What it counts with, in words; where it estimates, also why."""


def token_counter(model_path: Path | None) -> TokenCounter:
    """The tokenizer of the model directory where there is one that can be used, else an estimate.

    It needs ``tokenizer.json`` in the directory and the package tokenizers.
    """
    if model_path is None:
        return _estimate("there is no directory of the model")
    file = model_path / _FILE
    if not file.is_file():
        return _estimate(f"{model_path} has no {_FILE}")
    try:
        from tokenizers import Tokenizer
    except ImportError:
        return _estimate("the package tokenizers is not installed: pip install 'pytest-npuperf[tokenizer]'")
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as exc:  # noqa: BLE001  # the package raises nothing narrower
        return _estimate(f"the package tokenizers cannot read {file}: {exc}")
    # Some files hold the limits that the model was trained with.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return TokenCounter(
        lambda text: len(tokenizer.encode(text, add_special_tokens=False)),
        exact=True,
        source=f"the tokenizer of {model_path}",
    )


def _estimate(why: str) -> TokenCounter:
    return TokenCounter(estimate_tokens, exact=False, source=f"an estimate, because {why}")
