"""Whether the event loop had time to sleep: what tells a late client from a bursty server."""

from __future__ import annotations

__all__ = ["LoopWatch"]

_SLEEP_NS = 50_000
"""A shorter pause between two callbacks is the loop's own work."""


class LoopWatch:
    """Shared by the connections of one loop."""

    __slots__ = ("busy_until",)

    def __init__(self) -> None:
        self.busy_until = 0
        """When the last callback ended, monotonic ns."""

    def slept(self, now: int) -> bool:
        """Whether the loop slept between the last callback's end and now."""
        return now - self.busy_until > _SLEEP_NS
