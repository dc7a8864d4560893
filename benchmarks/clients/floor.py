"""A program that receives and does nothing else: what no client can be cheaper than."""

from __future__ import annotations

import shlex

from benchmarks.client import Load, Measured, Statistics

__all__ = ["command", "read"]


def command(load: Load, *, template: str) -> list[str]:
    """The user's command; its first request of each stream is the warm-up."""
    requests = (load.warmup + load.requests) // load.streams
    fields = {"port": load.port, "streams": load.streams, "requests_per_stream": requests}
    return [word.format_map(fields) for word in shlex.split(template)]


def read(_: Load) -> Measured:
    """Nothing: only what it used and what the server saw of it count."""
    return Measured(None, Statistics(None, None, None, None, None))
