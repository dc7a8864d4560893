from __future__ import annotations

import numpy as np

from pytest_npuperf.metrics import concurrency_steps


def test_steps_go_up_with_starts_and_down_with_ends() -> None:
    times, counts = concurrency_steps(np.array([0, 5, 5]), np.array([20, 10, 30]))

    assert times.tolist() == [0, 5, 10, 20, 30]
    assert counts.tolist() == [1, 3, 2, 1, 0]


def test_concurrency_does_not_dip_where_one_request_follows_another_at_once() -> None:
    times, counts = concurrency_steps(np.array([0, 10]), np.array([10, 20]))

    assert times.tolist() == [0, 10, 20]
    assert counts.tolist() == [1, 1, 0]


def test_without_requests_there_are_no_steps() -> None:
    times, counts = concurrency_steps(np.array([], np.int64), np.array([], np.int64))

    assert len(times) == len(counts) == 0
