"""What the server is told to do and how many streams the clients hold."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SCENARIOS", "Scenario"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A closed loop of some streams against a server with fixed times."""

    streams: int
    ttft_ms: int
    itl_ms: int = 10
    tokens: int = 200
    rounds: int = 4
    """Measured requests of each stream."""

    @property
    def requests(self) -> int:
        """Measured requests of all streams."""
        return self.streams * self.rounds

    @property
    def token_rate(self) -> float:
        """Token/s of a client that sends its next request at once, and a server that is never late."""
        return self.streams * self.tokens / (self.ttft_ms + (self.tokens - 1) * self.itl_ms) * 1e3

    @property
    def title(self) -> str:
        """For a heading."""
        return (
            f"{self.streams} streams, TTFT {self.ttft_ms} ms, ITL {self.itl_ms} ms: "
            f"{self.token_rate:,.0f} token/s"
        )


SCENARIOS = {
    "64": Scenario(streams=64, ttft_ms=50, rounds=8),
    "256": Scenario(streams=256, ttft_ms=200),
    "512": Scenario(streams=512, ttft_ms=200),
    "768": Scenario(streams=768, ttft_ms=200),
    "1100": Scenario(streams=1100, ttft_ms=200),
}
