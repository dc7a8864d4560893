"""What the simulator really did."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Literal

from pytest_npuperf.simulator.media import NO_MEDIA, Media

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
    media: Media = NO_MEDIA
    cached_tokens: int = 0
    t_started: int | None = None
    """When it got its slot in the batch: ``t_received`` where it did not have to wait for it."""
    tokens: int = 0
    """Tokens sent so far."""
    outcome: Outcome = "running"
    stamps: array[int] = field(default_factory=lambda: array("q"))
    """Taken directly before the bytes of each chunk were handed to the kernel; the role chunk
    has none, and an answer that is not streamed has one."""

    def describe(self, *, stamps: bool) -> dict[str, object]:
        """The record as JSON values; a stamp of what did not happen is None."""
        described: dict[str, object] = {
            "request_id": self.request_id,
            "stream": self.stream,
            "t_received": self.t_received,
            "t_started": self.t_started,
            "t_first": self.stamps[0] if self.stamps else None,
            "t_last": self.stamps[-1] if self.stamps else None,
            "prompt_tokens": self.prompt_tokens,
            "cached_tokens": self.cached_tokens,
            "tokens": self.tokens,
            **self.media.describe(),
            "outcome": self.outcome,
        }
        if stamps:
            described["stamps"] = self.stamps.tolist()
        return described
