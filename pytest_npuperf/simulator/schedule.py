"""When the chunks of an answer are due."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from pytest_npuperf.simulator.settings import SimulatorSettings

__all__ = ["deadlines"]

_NS = 1_000_000_000


def deadlines(
    settings: SimulatorSettings,
    *,
    t_started: int,
    number: int,
    prefill_tokens: int,
    running: Callable[[], int],
) -> Iterator[int]:
    """Endless deadlines of the chunks of one answer, monotonic ns.

    Chunk k is due at ``t_started + ttft + k * itl``, whenever its predecessors were sent: a
    late chunk delays no other. ``prefill_rate`` adds the time of ``prefill_tokens`` to ttft.

    With jitter s, ttft and every gap are multiplied by a lognormal factor of their own,
    ``exp(s * z)`` with z standard normal: ttft and itl are then the medians, the means are
    ``exp(s * s / 2)`` times as long, and s is about the relative standard deviation where it is
    small. For ttft, ``ttft_sigma`` takes the place of s where it is set. The factors follow from
    the seed and ``number``, the place of the request in the order of arrival, alone.

    With a slowdown each gap is ``1 + slowdown * (running() - 1)`` times as long. It is fixed when
    its deadline is asked for, at the beginning of the gap: what comes or goes later changes
    the next one.
    """
    first, gap, slowdown = round(settings.ttft * _NS), round(settings.itl * _NS), settings.slowdown
    jitter, spread = settings.jitter, settings.ttft_sigma or settings.jitter
    due = t_started
    if settings.prefill_rate:
        due += round(prefill_tokens / settings.prefill_rate * _NS)
    if not (spread or slowdown):
        due += first
        while True:
            yield due
            due += gap
    factor = random.Random(f"{settings.seed}:{number}").lognormvariate
    due += round(first * factor(0, spread))
    while True:
        yield due
        due += round(gap * factor(0, jitter) * (1 + slowdown * (running() - 1)))
