"""Which processor the server gets, and which the client."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

__all__ = ["Processors", "on_processor", "pick_processors"]


@dataclass(frozen=True, slots=True)
class Processors:
    """A processor for each side, None where they cannot be told apart."""

    server: int | None
    client: int | None


def pick_processors() -> Processors:
    """Two of the processors this process may use; neither where there is one, or no way to choose."""
    if not hasattr(os, "sched_getaffinity"):
        return Processors(None, None)
    server, *others = sorted(os.sched_getaffinity(0))
    return Processors(server, others[0]) if others else Processors(None, None)


@contextmanager
def on_processor(processor: int | None) -> Iterator[None]:
    """What is started inside runs on one processor; None changes nothing."""
    if processor is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {processor})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
