"""The requests that are answered at the same time, and the queue before them."""

from __future__ import annotations

from collections import OrderedDict
from time import monotonic_ns
from typing import Protocol

__all__ = ["Batch", "Member"]


class Member(Protocol):
    """What takes a slot."""

    def start(self, t_started: int) -> None:
        """It has its slot since ``t_started`` (monotonic ns)."""


class Batch:
    """Gives slots in order of arrival, as vLLM's ``max_num_seqs``; ``limit`` 0 gives one to everybody.

    Nobody is turned away: where more comes than goes, the queue grows without end.
    """

    def __init__(self, limit: int) -> None:
        self.running = 0
        """Members that have a slot."""
        self._limit = limit
        # A queue out of whose middle a client can leave.
        self._queue: OrderedDict[Member, None] = OrderedDict()

    @property
    def waiting(self) -> int:
        """Members that wait for a slot."""
        return len(self._queue)

    def join(self, member: Member, now: int) -> None:
        """Starts a member now, or when its turn comes."""
        if self._limit and self.running >= self._limit:
            self._queue[member] = None
        else:
            self.running += 1
            member.start(now)

    def leave(self, member: Member) -> None:
        """Takes a member out, whether it has its slot or waits; a free slot goes on at once."""
        if member in self._queue:
            del self._queue[member]
        elif self._queue:
            following, _ = self._queue.popitem(last=False)
            following.start(monotonic_ns())
        else:
            self.running -= 1
