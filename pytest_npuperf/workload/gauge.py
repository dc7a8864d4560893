"""How the server under test counts tokens, so that prompts can be made to measure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pytest_npuperf.workload.tokens import estimate_tokens

__all__ = ["ESTIMATE", "Gauge"]


@dataclass(frozen=True, slots=True)
class Gauge:
    """The server counts ``count(text) * scale + template_tokens`` for a prompt of one user message."""

    count: Callable[[str], int] = estimate_tokens
    """Exact where the model's tokenizer is at hand."""
    scale: float = 1.0
    template_tokens: int = 0
    """What the server's chat template adds, as its own usage counts showed."""

    def text_tokens(self, tokens: int) -> int:
        """What ``count`` has to say of a text that makes a prompt of ``tokens`` tokens."""
        return max(0, round((tokens - self.template_tokens) / self.scale))


ESTIMATE = Gauge()
"""Where nothing is known of the server: tokens are estimated."""
