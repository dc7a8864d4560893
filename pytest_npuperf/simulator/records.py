"""What the simulator really did."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Outcome", "RequestRecord"]

Outcome = Literal["running", "complete", "failed", "broken", "abandoned"]
"""``failed`` got HTTP 500 and ``broken`` was cut half-way, both as set; ``abandoned`` lost its
connection, because the client left or the simulator stopped."""


@dataclass(slots=True)
class RequestRecord:
    """One chat request; stamps are monotonic ns."""

    request_id: str
    """The client's ``x-request-id``, else one of the simulator's."""
    stream: bool
    t_received: int
    """When the last byte of the request was read."""
    prompt_tokens: int
    tokens: int = 0
    """Tokens sent so far."""
    outcome: Outcome = "running"
    stamps: array[int] = field(default_factory=lambda: array("q"))
    """Taken directly before the bytes of each chunk were handed to the kernel; the role chunk
    has none, and an answer that is not streamed has one."""

    def describe(self, *, stamps: bool) -> dict[str, object]:
        """The record as JSON values; ``t_first`` and ``t_last`` are None where nothing was sent."""
        described: dict[str, object] = {
            "request_id": self.request_id,
            "stream": self.stream,
            "t_received": self.t_received,
            "t_first": self.stamps[0] if self.stamps else None,
            "t_last": self.stamps[-1] if self.stamps else None,
            "prompt_tokens": self.prompt_tokens,
            "tokens": self.tokens,
            "outcome": self.outcome,
        }
        if stamps:
            described["stamps"] = self.stamps.tolist()
        return described
