from __future__ import annotations

from array import array
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pytest_npuperf.load.trace_builder import TraceBuilder
from pytest_npuperf.load.trace_file import read_trace
from pytest_npuperf.trace import UNKNOWN, Trace
from pytest_npuperf.wire import failures
from pytest_npuperf.wire.exchange import Exchange

CHUNK = b'data: {"model": "m", "choices": [{"delta": {"content": "a"}}]}\n\n'
FINISH = b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\n'
USAGE = (
    b'data: {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4, '
    b'"prompt_tokens_details": {"cached_tokens": 8}}}\n\n'
)
DONE = b"data: [DONE]\n\n"


def answered(t_sent: int, *events: bytes, unstamped_reads: int = 0) -> Exchange:
    """An exchange whose events came one a read, 10, 20, ... after it was sent, each seen 1 later."""
    ends = np.cumsum([len(event) for event in events]).tolist()
    return Exchange(
        t_sent=t_sent,
        t_end=t_sent + 10 * len(events) + 5,
        connect_ns=3,
        retries=1,
        unstamped_reads=unstamped_reads,
        status=200,
        body=bytearray(b"".join(events)),
        reads=array("q", [v for i, end in enumerate(ends, 1) for v in (end, t_sent + 10 * i, 1, 1)]),
    )


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., Trace]:
    """Makes the trace of exchanges, given as the number of the request and what became of it."""

    def make(*rows: tuple[int, Exchange]) -> Trace:
        builder = TraceBuilder(keep_text=False)
        for number, exchange in rows:
            builder.add(
                exchange, builder.read(exchange), request_id=f"test-{number}", t_scheduled=exchange.t_sent - 2
            )
        builder.write(tmp_path / "trace")
        return read_trace(tmp_path / "trace")

    return make


def test_a_row_holds_what_was_measured_and_what_the_server_said(build: Callable[..., Trace]) -> None:
    trace = build((3, answered(1000, CHUNK, CHUNK, FINISH, USAGE, DONE)))

    numbers = {
        "t_scheduled": 998,
        "t_sent": 1000,
        "t_first": 1010,
        "t_last": 1020,
        "t_end": 1050,
        "connect_ns": 3,
        "retries": 1,
        "status": 200,
        "input_tokens": 9,
        "output_tokens": 4,
        "cached_tokens": 8,
    }
    assert {name: getattr(trace, name).tolist() for name in numbers} == {
        name: [value] for name, value in numbers.items()
    }
    assert (trace.request_id, trace.error, trace.finish_reason, trace.model) == (
        ("test-3",),
        ("",),
        ("stop",),
        ("m",),
    )
    assert trace.tokens_estimated.tolist() == [False]
    assert (trace.chunks(0).tolist(), trace.chunk_lag.tolist()) == ([1010, 1020], [1, 1])


def test_a_request_without_response_is_a_row(build: Callable[..., Trace]) -> None:
    exchange = Exchange(t_sent=5, t_end=7, failure=failures.CONNECT, failure_text="refused")

    trace = build((0, exchange))

    assert (trace.error, trace.error_text) == (("connect",), ("refused",))
    assert (trace.t_sent.tolist(), trace.t_end.tolist()) == ([5], [7])
    unknown = [trace.t_first, trace.t_last, trace.status, trace.input_tokens, trace.output_tokens]
    assert [column.tolist() for column in unknown] == [[UNKNOWN]] * 5


def test_tokens_that_were_counted_by_chunks_are_marked(build: Callable[..., Trace]) -> None:
    trace = build((0, answered(0, CHUNK, FINISH)), (1, answered(1, CHUNK, FINISH, USAGE)))

    assert trace.tokens_estimated.dtype == np.bool_
    assert trace.tokens_estimated.tolist() == [True, False]


def test_rows_and_their_chunks_are_in_order_of_sending_whatever_ended_first(
    build: Callable[..., Trace],
) -> None:
    failed = Exchange(t_sent=200, t_end=210, failure=failures.BROKEN)

    trace = build(
        (2, answered(300, CHUNK, FINISH)), (1, failed), (0, answered(100, CHUNK, CHUNK, CHUNK, FINISH))
    )

    assert trace.request_id == ("test-0", "test-1", "test-2")
    assert [trace.chunks(row).tolist() for row in range(3)] == [[110, 120, 130], [], [310]]


@pytest.mark.parametrize(("unstamped", "from_kernel"), [(0, True), (1, False)])
def test_one_unstamped_read_shows(unstamped: int, from_kernel: bool, build: Callable[..., Trace]) -> None:
    trace = build((0, answered(0, CHUNK, FINISH)), (1, answered(1, CHUNK, FINISH, unstamped_reads=unstamped)))

    assert trace.kernel_stamps is from_kernel


def test_without_requests_the_trace_is_empty_and_claims_no_kernel_stamps(build: Callable[..., Trace]) -> None:
    trace = build()

    assert len(trace) == 0
    assert trace.chunk_offsets.tolist() == [0]
    assert trace.kernel_stamps is False


def test_columns_are_of_64_bits(build: Callable[..., Trace]) -> None:
    trace = build((0, answered(0, CHUNK, FINISH)))

    columns = [
        trace.t_sent,
        trace.t_end,
        trace.status,
        trace.chunk_offsets,
        trace.chunk_stamps,
        trace.chunk_lag,
    ]
    assert {column.dtype for column in columns} == {np.dtype(np.int64)}
