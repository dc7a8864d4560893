from __future__ import annotations

import math
import statistics
from itertools import islice, pairwise
from typing import Any

from pytest_npuperf.simulator.schedule import deadlines
from pytest_npuperf.simulator.settings import SimulatorSettings

MS = 1_000_000


def due(count: int, *, t_received: int = 0, number: int = 1, **settings: Any) -> list[int]:
    made = SimulatorSettings(**{"ttft": 0.05, "itl": 0.01, **settings})
    return list(islice(deadlines(made, t_received=t_received, number=number), count))


def test_chunks_are_due_at_whole_gaps_after_the_first() -> None:
    assert due(4, t_received=7 * MS) == [57 * MS, 67 * MS, 77 * MS, 87 * MS]


def test_jitter_follows_from_the_seed_and_the_number_of_the_request() -> None:
    assert due(9, jitter=0.3, seed=1, number=2) == due(9, jitter=0.3, seed=1, number=2)
    assert due(9, jitter=0.3, seed=1, number=2) != due(9, jitter=0.3, seed=1, number=3)
    assert due(9, jitter=0.3, seed=1, number=2) != due(9, jitter=0.3, seed=2, number=2)


def test_jitter_does_not_depend_on_when_the_request_came() -> None:
    assert [t - 5 * MS for t in due(9, jitter=0.3, t_received=5 * MS)] == due(9, jitter=0.3)


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
