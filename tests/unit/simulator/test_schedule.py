from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator
from itertools import islice, pairwise
from typing import Any

from pytest_npuperf.simulator.schedule import deadlines
from pytest_npuperf.simulator.settings import SimulatorSettings

MS = 1_000_000


def scheduled(
    *,
    t_started: int = 0,
    number: int = 1,
    prefill_tokens: int = 0,
    running: Callable[[], int] = lambda: 1,
    **settings: Any,
) -> Iterator[int]:
    made = SimulatorSettings(**{"ttft": 0.05, "itl": 0.01, **settings})
    return deadlines(made, t_started=t_started, number=number, prefill_tokens=prefill_tokens, running=running)


def due(count: int, **arguments: Any) -> list[int]:
    return list(islice(scheduled(**arguments), count))


def test_chunks_are_due_at_whole_gaps_after_the_first() -> None:
    assert due(4, t_started=7 * MS) == [57 * MS, 67 * MS, 77 * MS, 87 * MS]


def test_jitter_follows_from_the_seed_and_the_number_of_the_request() -> None:
    assert due(9, jitter=0.3, seed=1, number=2) == due(9, jitter=0.3, seed=1, number=2)
    assert due(9, jitter=0.3, seed=1, number=2) != due(9, jitter=0.3, seed=1, number=3)
    assert due(9, jitter=0.3, seed=1, number=2) != due(9, jitter=0.3, seed=2, number=2)


def test_jitter_does_not_depend_on_when_the_request_came() -> None:
    assert [t - 5 * MS for t in due(9, jitter=0.3, t_started=5 * MS)] == due(9, jitter=0.3)


def test_gaps_with_jitter_are_lognormal_around_the_setting() -> None:
    times = due(20_001, jitter=0.3)
    logs = [math.log((b - a) / (10 * MS)) for a, b in pairwise(times)]
    # 20,000 normal draws: the standard errors are 0.0021 and 0.0015.
    assert abs(statistics.mean(logs)) < 0.01
    assert abs(statistics.stdev(logs) - 0.3) < 0.008


def test_ttft_with_jitter_is_lognormal_around_the_setting() -> None:
    logs = [math.log(due(1, jitter=0.3, number=number)[0] / (50 * MS)) for number in range(2_000)]
    # 2,000 normal draws: the standard errors are 0.0067 and 0.0047.
    assert abs(statistics.mean(logs)) < 0.035
    assert abs(statistics.stdev(logs) - 0.3) < 0.025


def test_the_spread_of_ttft_can_be_its_own() -> None:
    logs = [math.log(due(1, ttft_sigma=0.5, number=number)[0] / (50 * MS)) for number in range(2_000)]
    # 2,000 normal draws: the standard errors are 0.011 and 0.008.
    assert abs(statistics.mean(logs)) < 0.055
    assert abs(statistics.stdev(logs) - 0.5) < 0.04
    first, *others = due(5, ttft_sigma=0.5)
    assert [t - first for t in others] == [10 * MS, 20 * MS, 30 * MS, 40 * MS]


def test_the_spread_of_ttft_leaves_the_gaps_to_jitter() -> None:
    def gaps(**settings: float) -> list[int]:
        return [b - a for a, b in pairwise(due(9, jitter=0.3, **settings))]

    assert gaps(ttft_sigma=0.5) == gaps()
    assert due(1, jitter=0.3, ttft_sigma=0.5) != due(1, jitter=0.3)


def test_prefill_takes_its_time_before_the_first_chunk() -> None:
    assert due(2, prefill_tokens=300, prefill_rate=10_000) == [80 * MS, 90 * MS]
    assert due(2, prefill_tokens=300) == [50 * MS, 60 * MS]


def test_gaps_grow_by_the_slowdown_for_each_other_answer() -> None:
    assert due(3, slowdown=0.5, running=lambda: 1) == [50 * MS, 60 * MS, 70 * MS]
    assert due(3, slowdown=0.5, running=lambda: 4) == [50 * MS, 75 * MS, 100 * MS]


def test_a_gap_is_fixed_at_its_beginning() -> None:
    batch = [1]
    chunks = scheduled(slowdown=1, running=lambda: batch[0])
    assert [next(chunks), next(chunks)] == [50 * MS, 60 * MS]
    batch[0] = 3
    assert next(chunks) == 90 * MS
    batch[0] = 1
    assert next(chunks) == 100 * MS
