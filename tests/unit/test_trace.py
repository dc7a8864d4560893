from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from pytest_npuperf.trace import Trace


@pytest.fixture
def trace(build_trace: Callable[..., Trace]) -> Trace:
    return build_trace(
        {"sent": 0, "chunks": [100, 110, 120], "end": 125, "input_tokens": 7, "lags": [1, 2, 3]},
        {"sent": 10, "end": 60, "error": "timeout_total"},
        {"sent": 20, "chunks": [150], "end": 155, "input_tokens": 9, "lags": [4]},
    )


def test_length_is_the_number_of_requests_failed_ones_included(trace: Trace) -> None:
    assert len(trace) == 3


def test_succeeded_is_false_where_a_request_has_an_error(trace: Trace) -> None:
    assert trace.succeeded.tolist() == [True, False, True]


def test_chunks_are_those_of_one_request(trace: Trace) -> None:
    assert [(trace.chunks(row) / 1e6).tolist() for row in range(3)] == [[100, 110, 120], [], [150]]


def test_select_takes_rows_with_their_chunks_in_the_order_asked_for(trace: Trace) -> None:
    picked = trace.select(np.array([2, 0]))

    assert picked.request_id == ("r2", "r0")
    assert picked.input_tokens.tolist() == [9, 7]
    assert picked.error == ("", "")
    assert picked.chunk_offsets.tolist() == [0, 1, 4]
    assert (picked.chunks(0) / 1e6).tolist() == [150]
    assert (picked.chunks(1) / 1e6).tolist() == [100, 110, 120]
    assert picked.chunk_lag.tolist() == [4, 1, 2, 3]


def test_select_of_all_rows_is_the_same_trace(trace: Trace) -> None:
    picked = trace.select(np.arange(3))

    for field in dataclasses.fields(Trace):
        np.testing.assert_array_equal(getattr(picked, field.name), getattr(trace, field.name))
        assert type(getattr(picked, field.name)) is type(getattr(trace, field.name))


def test_select_of_no_row_is_an_empty_trace(trace: Trace) -> None:
    picked = trace.select(np.empty(0, np.int64))

    assert len(picked) == 0
    assert len(picked.chunk_stamps) == 0
    assert picked.chunk_offsets.tolist() == [0]
