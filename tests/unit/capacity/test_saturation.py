from __future__ import annotations

import heapq
from typing import Literal

import numpy as np
import pytest

from pytest_npuperf.capacity import LoadPoint, is_saturated

SERVICE = 5.0
"""Mean time of an answer, in seconds."""

Service = Literal["exponential", "constant", "lognormal"]
# the 99th percentile of each, in means
_SLOWEST: dict[Service, float] = {"exponential": 4.6, "constant": 1.0, "lognormal": 3.4}


def queue(
    rng: np.random.Generator, *, utilisation: float, servers: int, arrivals: int, service: Service
) -> list[LoadPoint]:
    """A queue with Poisson arrivals before so many servers, looked at twice a second or at each arrival."""
    rate = utilisation * servers / SERVICE
    arrived = np.cumsum(rng.exponential(1 / rate, arrivals))
    draws = {
        "exponential": rng.exponential(1, arrivals),
        "constant": np.ones(arrivals),
        "lognormal": rng.lognormal(-0.18, 0.6, arrivals),
    }
    free = [0.0] * servers
    done = []
    for arrival, length in zip(arrived, draws[service] * SERVICE, strict=True):
        end = max(heapq.heappop(free), arrival) + length
        heapq.heappush(free, end)
        done.append(end)
    moments = np.arange(0.0, arrived[-1], max(0.5, 1 / rate))
    come, gone = np.searchsorted(arrived, moments, "right"), np.searchsorted(np.sort(done), moments, "right")
    return [LoadPoint(float(t), int(a - d), int(d)) for t, a, d in zip(moments, come, gone, strict=True)]


def alarm(points: list[LoadPoint], *, settled: float) -> LoadPoint | None:
    """The first point at which it is said to be saturated, where it is asked again and again."""
    for number in range(1, len(points) + 1):
        if is_saturated(points[:number], settled=settled):
            return points[number - 1]
    return None


@pytest.mark.parametrize("service", ["exponential", "constant", "lognormal"])
@pytest.mark.parametrize("servers", [1, 8, 64])
def test_a_queue_below_its_capacity_is_hardly_ever_called_saturated(servers: int, service: Service) -> None:
    rng = np.random.default_rng(servers)
    settled = 2 * _SLOWEST[service] * SERVICE
    runs = [
        alarm(queue(rng, utilisation=0.9, servers=servers, arrivals=800, service=service), settled=settled)
        for _ in range(25)
    ]
    assert sum(run is not None for run in runs) <= 1


@pytest.mark.parametrize(("utilisation", "requests"), [(1.5, 700), (2.0, 400), (4.0, 400)])
@pytest.mark.parametrize("servers", [1, 8])
def test_a_queue_above_its_capacity_is_told_before_long(
    servers: int, utilisation: float, requests: int
) -> None:
    rng = np.random.default_rng(servers)
    for _ in range(10):
        points = queue(rng, utilisation=utilisation, servers=servers, arrivals=1000, service="lognormal")
        told = alarm(points, settled=SERVICE)
        assert told is not None
        assert told.arrived <= requests


def growing(rate: float, served: float, until: float) -> list[LoadPoint]:
    moments = np.arange(0, until, 0.5)
    return [LoadPoint(float(t), int(rate * t) - int(served * t), int(served * t)) for t in moments]


def test_nothing_is_said_before_the_load_has_settled() -> None:
    points = growing(rate=50, served=10, until=20)
    assert is_saturated(points, settled=5)
    assert not is_saturated(points, settled=20)
    assert not is_saturated([], settled=0)


def test_a_load_that_has_only_begun_fills_the_server_and_is_not_saturated() -> None:
    # answers of 10 s: until then nothing ends, and 500 requests are in flight for good
    moments = np.arange(0, 60, 0.5)
    points = [LoadPoint(float(t), int(50 * min(t, 10)), int(50 * max(t - 10, 0))) for t in moments]
    assert alarm(points, settled=10) is None


def test_a_queue_that_has_stopped_growing_is_not_saturated() -> None:
    grown = growing(rate=50, served=10, until=20)
    last = grown[-1]
    steady = [
        LoadPoint(last.elapsed + t, last.in_flight, last.done + int(50 * t)) for t in np.arange(0.5, 20, 0.5)
    ]
    assert not is_saturated([*grown, *steady], settled=2)


def test_a_small_excess_of_arrivals_is_let_be() -> None:
    assert not is_saturated(growing(rate=50, served=46, until=600), settled=2)
    assert is_saturated(growing(rate=50, served=40, until=600), settled=2)


@pytest.mark.parametrize("scale", [1, 100])
def test_growth_within_what_chance_gives_is_let_be(scale: int) -> None:
    # a quarter of 20 arrivals is 5, within chance; a quarter of 2,000 is not
    assert is_saturated(growing(rate=scale, served=0.75 * scale, until=20), settled=0) == (scale == 100)
