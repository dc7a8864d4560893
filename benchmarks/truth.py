"""What the server really did."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from benchmarks.client import Statistics
from benchmarks.figures import statistics_of

__all__ = ["Truth", "read_truth"]


@dataclass(frozen=True, slots=True)
class Truth:
    """Streamed answers in the order their requests came: when (monotonic ns), and each token's stamp."""

    answers: list[tuple[int, list[int]]]

    @property
    def tokens(self) -> int:
        """Tokens sent."""
        return sum(len(stamps) for _, stamps in self.answers)

    @property
    def first(self) -> int:
        """When the first request came."""
        return self.answers[0][0]

    @property
    def last(self) -> int:
        """When the last token was sent."""
        return max(stamps[-1] for _, stamps in self.answers)

    def measured(self, requests: int) -> Truth:
        """The last so many: those before are a client's warm-up."""
        return Truth(self.answers[-requests:])

    def statistics(self) -> Statistics:
        """TTFT and ITL as the server sent them."""
        return statistics_of(self.answers)

    def token_rate(self, streams: int) -> float:
        """Sustained token/s.

        A request takes the place of the one that came ``streams`` earlier: the mean time between
        the two is what a stream needs for an answer. How they all begin and run out is not in it.
        """
        received = np.array([moment for moment, _ in self.answers], dtype=np.int64)
        cycle = float((received[streams:] - received[:-streams]).mean()) / 1e9
        return streams * self.tokens / len(self.answers) / cycle


def read_truth(lines: Iterable[str]) -> Truth:
    """The truth from the lines of a log.

    Each is JSON: ``t_received`` and ``stamps`` as of ``Truth``. Answers that were not streamed
    (``stream`` false) or not finished (``outcome`` not ``complete``) do not count.
    """
    rows = map(json.loads, lines)
    return Truth(sorted((row["t_received"], row["stamps"]) for row in rows if _counts(row)))


def _counts(row: dict[str, object]) -> bool:
    return bool(row.get("stream", True) and row.get("outcome", "complete") == "complete")
