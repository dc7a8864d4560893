"""What a client under measurement is told, and what it says."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["Client", "Load", "Measured", "Statistics", "read_own_usage", "write_own_usage"]

_OWN_USAGE = "own-usage.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A closed loop: ``warmup`` requests that do not count, then ``requests`` that do."""

    port: int
    model: str
    streams: int
    requests: int
    tokens: int
    """Of each answer."""
    directory: str
    """Where the client leaves its files."""

    @property
    def warmup(self) -> int:
        """One request a stream, so that every connection is open."""
        return self.streams

    @property
    def base_url(self) -> str:
        """Without a path."""
        return f"http://127.0.0.1:{self.port}"

    def write(self) -> Path:
        """Leave it as JSON in its directory."""
        path = Path(self.directory, "load.json")
        path.write_text(json.dumps(asdict(self)))
        return path

    @classmethod
    def read(cls, path: str) -> Load:
        """What ``write`` left."""
        return cls(**json.loads(Path(path).read_text()))

    def fields(self, number: int) -> dict[str, object]:
        """The body of a request, the same for every client that is driven from here."""
        return {
            "model": self.model,
            "messages": [{"role": "user", "content": f"Tell me what happened on day {number}."}],
            "max_tokens": self.tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
        }


@dataclass(frozen=True, slots=True)
class Statistics:
    """TTFT and ITL (the gaps between neighbouring chunks, pooled) in ms; None where nobody says."""

    ttft_mean: float | None
    ttft_p50: float | None
    ttft_p99: float | None
    itl_p50: float | None
    itl_p99: float | None


@dataclass(frozen=True, slots=True)
class Measured:
    """What a client says after a load."""

    completed: int | None
    statistics: Statistics
    cpu_after_load: float = 0.0
    """Seconds it spent on its figures after the last token was decoded, as far as it knows."""
    cpu_sending: float | None = None
    """Seconds that sending and stamping the measured requests took, where a process of its own does it."""


@dataclass(frozen=True, slots=True)
class Client:
    """How to run a client, and how to read what it measured."""

    name: str
    version: str
    command: Callable[[Load], list[str]]
    read: Callable[[Load], Measured]


def write_own_usage(load: Load, *, cpu_at_load_end: float, cpu_sending: float | None = None) -> None:
    """Leave the CPU times of ``Measured``, in seconds; the last thing a client of ours does."""
    usage = {"cpu_after_load": time.process_time() - cpu_at_load_end, "cpu_sending": cpu_sending}
    Path(load.directory, _OWN_USAGE).write_text(json.dumps(usage))


def read_own_usage(load: Load) -> dict[str, float]:
    """What ``write_own_usage`` left, as keywords of ``Measured``."""
    usage: dict[str, float] = json.loads(Path(load.directory, _OWN_USAGE).read_text())
    return usage
