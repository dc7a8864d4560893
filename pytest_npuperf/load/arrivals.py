"""When the requests of an open loop are due, and which requests are given up: both follow from the seed."""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import accumulate, count

from pytest_npuperf.load.plan import Arrival, Constant, Gamma, OpenLoop, Poisson, Ramp, Rate, RateStep

__all__ = ["arrival_offsets", "cancelled"]

_NS_PER_S = 1_000_000_000


def arrival_offsets(load: OpenLoop, *, seed: int | str) -> Iterator[int]:
    """Yield when each request is due, in ns after the start of the load, never decreasing.

    The first is due at 0: a gap before it would measure nothing. Under a single rate request i is
    thus due at ``i / rate``, on average where gaps are random. vLLM's benchmark waits for one gap
    first, and stretches all of them until the last request is due at exactly ``n / rate``; here they
    stay as drawn.

    A rate that changes is an inhomogeneous process by change of time: arrivals of one a second on
    average, sent through the inverse of the rate summed up over time. The offsets end with the last
    step, and where a ramp has gone down to 0.
    """
    time_of = _time_of(load.rate)
    end = math.inf
    if isinstance(load.rate, tuple):
        # less half a nanosecond: what is due at the very end is past it, however it was rounded
        end = sum(step.duration for step in load.rate) * _NS_PER_S - 0.5
    for position in _positions(load.arrival, random.Random(f"{seed}/arrivals")):
        offset = time_of(position) * _NS_PER_S
        if offset >= end:
            return
        yield round(offset)


def cancelled(share: float, *, seed: int | str) -> Iterator[bool]:
    """Yield for each request whether it is given up: ``share`` of them (0 to 1), each drawn by itself."""
    rng = random.Random(f"{seed}/cancelled")
    while True:
        yield rng.random() < share


def _positions(arrival: Arrival, rng: random.Random) -> Iterator[float]:
    """Arrivals of one a second on average, the first at 0.

    Only ``random`` is sure to be the same in every Python version; of ``gammavariate`` the tests make sure.
    """
    match arrival:
        case Constant():
            return count()
        case Poisson():
            return _sums(lambda: -math.log(1.0 - rng.random()))
        case Gamma(shape):
            return _sums(lambda: rng.gammavariate(shape, 1.0 / shape))


def _sums(gap: Callable[[], float]) -> Iterator[float]:
    position = 0.0
    while True:
        yield position
        position += gap()


def _time_of(rate: Rate) -> Callable[[float], float]:
    """The inverse of the rate summed up over time: after how many seconds so many arrivals are expected.

    Never, that is infinity, where the rate is 0 from some time on.
    """
    match rate:
        case tuple():
            return _stepped(rate)
        case Ramp():
            return _ramped(rate)
        case _:
            return lambda position: position / rate


def _stepped(steps: tuple[RateStep, ...]) -> Callable[[float], float]:
    times = [0.0, *accumulate(step.duration for step in steps)]
    positions = [0.0, *accumulate(step.rate * step.duration for step in steps)]

    def time_of(position: float) -> float:
        number = min(bisect_right(positions, position), len(steps)) - 1
        return times[number] + _at(steps[number].rate, position - positions[number])

    return time_of


def _ramped(ramp: Ramp) -> Callable[[float], float]:
    start, duration = ramp.start, ramp.duration
    if ramp.shape == "linear":
        total = (start + ramp.end) / 2 * duration

        def climb(position: float) -> float:
            # the square of the rate grows evenly with the position; the mean rate until then tells the time
            rate = math.sqrt(start**2 + (ramp.end**2 - start**2) * (position / total))
            return position / ((start + rate) / 2) if position else 0.0

    else:
        growth = math.log(ramp.end / start) / duration
        total = (ramp.end - start) / growth if growth else start * duration

        def climb(position: float) -> float:
            return math.log1p(growth * position / start) / growth if growth else position / start

    return lambda position: (
        climb(position) if position < total else duration + _at(ramp.end, position - total)
    )


def _at(rate: float, position: float) -> float:
    return position / rate if rate else math.inf
