from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_npuperf.metrics.stationarity import drift, settled_from

Floats = NDArray[np.float64]


def noise(n: int, seed: int) -> Floats:
    """Answers of many lengths: skewed, each independent of the others."""
    return np.random.default_rng(seed).lognormal(0, 0.6, n)


def queue(n: int, load: float, seed: int) -> Floats:
    """Time in a queue with 8 servers of mean service time 1, by order of arrival."""
    rng = np.random.default_rng(seed)
    arrivals = np.cumsum(rng.exponential(1 / (8 * load), n))
    free = np.zeros(8)
    times = np.empty(n)
    for i, (arrival, service) in enumerate(zip(arrivals, rng.lognormal(-0.18, 0.6, n), strict=True)):
        server = free.argmin()
        free[server] = max(arrival, free[server]) + service
        times[i] = free[server] - arrival
    return times


def share(holds: Callable[[int], bool], runs: int = 60) -> float:
    return sum(holds(seed) for seed in range(runs)) / runs


def test_a_start_that_differs_is_left_out() -> None:
    values = np.concatenate([np.linspace(5, 1, 60), np.full(340, 1.0)]) + 0.01 * noise(400, 1)

    first = settled_from(values)

    assert first is not None
    assert 50 <= first <= 65


def test_of_values_that_settle_nowhere_the_first_half_does_not_tell() -> None:
    assert settled_from(np.linspace(1, 10, 400)) is None


@pytest.mark.parametrize("value", [0.1, 1 / 3, 123.456])
def test_values_that_do_not_differ_have_settled_from_the_first_and_do_not_drift(value: float) -> None:
    values = np.full(1001, value)

    assert (settled_from(values), drift(values)) == (0, 0)


def test_values_without_a_start_settle_early() -> None:
    starts = [settled_from(noise(500, seed)) for seed in range(60)]

    assert sum(start is not None and start < 100 for start in starts) >= 54


def test_noise_does_not_drift() -> None:
    assert share(lambda seed: drift(noise(200, seed)) == 0) >= 0.95


def test_drift_is_how_far_values_go_as_a_share_of_their_mean() -> None:
    assert drift(np.linspace(1, 3, 1000)) == pytest.approx(1.0, rel=0.01)
    assert drift(np.linspace(3, 1, 1000)) == pytest.approx(-1.0, rel=0.01)


def test_a_small_drift_does_not_matter_however_certain_it_is() -> None:
    assert drift(np.linspace(1, 1.19, 1000)) == 0
    assert drift(np.linspace(1, 1.25, 1000)) > 0


@pytest.mark.parametrize("load", [1.2, 1.5])
def test_a_queue_that_grows_without_end_settles_nowhere_or_drifts(load: float) -> None:
    def is_found(seed: int) -> bool:
        values = queue(500, load, seed)
        first = settled_from(values)
        return first is None or drift(values[min(first, 125) :]) > 0

    assert share(is_found) >= 0.95


def test_a_queue_that_keeps_up_is_left_in_peace() -> None:
    def is_steady(seed: int) -> bool:
        values = queue(500, 0.5, seed)
        first = settled_from(values)
        return first is not None and drift(values[min(first, 125) :]) == 0

    assert share(is_steady) >= 0.9
