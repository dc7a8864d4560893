from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_npuperf.calibration.server import Answered
from pytest_npuperf.calibration.settings import CalibrationSettings
from pytest_npuperf.calibration.truth import errors_of, server_lag
from pytest_npuperf.trace import Trace

MS = 1_000_000


def answered(request_id: str, received: float, stamps: list[float]) -> Answered:
    return Answered(request_id, round(received * MS), [round(stamp * MS) for stamp in stamps])


def test_errors_are_the_distances_between_what_arrived_and_what_was_sent(
    build_trace: Callable[..., Trace],
) -> None:
    trace = build_trace(
        {"sent": 0, "chunks": [50, 61, 70], "end": 71},
        {"sent": 5, "end": 6, "error": "http_status"},
        {"sent": 10, "chunks": [60, 70], "end": 70},
    )
    # matched by id: the order in which the server lists them does not count
    truth = [answered("r2", 14, [59, 70]), answered("r1", 5, []), answered("r0", 2, [49.5, 59.5, 69.5])]

    errors = errors_of(trace, truth)

    assert errors.ttft.values.tolist() == pytest.approx([0.0005, 0.001])
    assert errors.itl.values.tolist() == pytest.approx([0.001, 0.001, 0.001])
    assert errors.e2el.values.tolist() == pytest.approx([0.0015, 0])
    assert errors.request.values.tolist() == pytest.approx([0.002, 0.004])


def test_where_nothing_succeeded_there_are_no_errors(build_trace: Callable[..., Trace]) -> None:
    errors = errors_of(build_trace({"sent": 0, "end": 1, "error": "connect"}), [])

    assert (errors.ttft.n, errors.itl.n, errors.e2el.n, errors.request.n) == (0, 0, 0, 0)


def test_the_servers_lag_is_counted_from_its_own_deadlines() -> None:
    settings = CalibrationSettings(ttft=0.05, itl=0.01)

    lag = server_lag([answered("a", 0, [50, 60.5, 71]), answered("b", 10, [60])], settings)

    assert lag.values.tolist() == pytest.approx([0, 0.0005, 0.001, 0])
    assert server_lag([], settings).n == 0
