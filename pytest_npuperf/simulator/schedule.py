"""When the chunks of an answer are due."""

from __future__ import annotations

import random
from collections.abc import Iterator

from pytest_npuperf.simulator.settings import SimulatorSettings

__all__ = ["deadlines"]

_NS = 1_000_000_000


def deadlines(settings: SimulatorSettings, *, t_received: int, number: int) -> Iterator[int]:
    """Endless deadlines of the chunks of one answer, monotonic ns.

    Chunk k is due at ``t_received + ttft + k * itl``, whenever its predecessors were sent: a
    late chunk delays no other. With jitter s, ttft and every gap are multiplied by a
    lognormal factor of their own, ``exp(s * z)`` with z standard normal: ttft and itl are
    then the medians, the means are ``exp(s * s / 2)`` times as long, and s is about the
    relative standard deviation where it is small. The factors follow from the seed and
    ``number``, the place of the request in the order of arrival, alone.
    """
    first, gap, jitter = round(settings.ttft * _NS), round(settings.itl * _NS), settings.jitter
    if jitter == 0:
        due = t_received + first
        while True:
            yield due
            due += gap
    factor = random.Random(f"{settings.seed}:{number}").lognormvariate
    due = t_received + round(first * factor(0, jitter))
    while True:
        yield due
        due += round(gap * factor(0, jitter))
