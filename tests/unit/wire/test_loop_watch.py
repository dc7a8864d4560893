from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from pytest_npuperf.wire.chat import Answer, read_answer
from pytest_npuperf.wire.connection import Connection
from pytest_npuperf.wire.exchange import Exchange
from pytest_npuperf.wire.http import RequestWriter
from pytest_npuperf.wire.loop_watch import LoopWatch
from pytest_npuperf.wire.timeouts import Timeouts

Serve = Callable[..., Any]
Run = Callable[[Coroutine[Any, Any, Any]], Any]

MS = 1_000_000
START = 10**12


def slept(*reads: tuple[float, float, float]) -> list[bool]:
    """What a watch says of reads, given as when their last byte came, they began, and they ended; ms."""
    watch = LoopWatch()
    watch.busy_until = START
    said = []
    for arrived, began, ended in reads:
        said.append(watch.slept(START + round(arrived * MS), START + round(began * MS)))
        watch.busy_until = START + round(ended * MS)
    return said


@pytest.mark.parametrize(
    ("reads", "said"),
    [
        pytest.param([(10, 10.1, 10.2)], [True], id="a read that woke the loop"),
        pytest.param(
            [(10, 10.1, 10.2), (10.01, 10.21, 10.3), (10.9, 11, 11.1)], [True] * 3, id="reads of a burst"
        ),
        pytest.param(
            [(10, 10.1, 12), (11.5, 12.01, 12.1)], [True, False], id="a read that waited for another"
        ),
        pytest.param(
            [(10, 10.1, 12), (9.9, 12.01, 12.1)], [True, True], id="a read that was there when the loop woke"
        ),
        pytest.param(
            [(10, 10.1, 12), (15, 15.1, 15.2)], [True, True], id="a read after the next sleep of a busy loop"
        ),
        pytest.param([(10, 14, 14.1)], [False], id="a read for which the loop woke late"),
        pytest.param(
            [(13.9, 14, 14.1), (11, 14.11, 14.2), (13, 14.21, 14.3)],
            [True, False, False],
            id="reads from before a wake that was late, as the second of them shows",
        ),
        pytest.param([(0.9, 10, 10.1)], [True], id="a read that came as the loop fell asleep"),
    ],
)
def test_bytes_that_may_have_waited_unseen_are_told_from_a_burst(
    reads: Sequence[tuple[float, float, float]], said: list[bool]
) -> None:
    assert slept(*reads) == said


def test_a_short_pause_between_two_reads_is_no_sleep() -> None:
    assert slept((10, 10.1, 12), (11.5, 12.04, 12.1)) == [True, False]
    assert slept((10, 10.1, 12), (11.5, 12.06, 12.1)) == [True, True]


HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def framed(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


CHUNK = framed(b'data: {"choices": [{"delta": {"content": "a"}}]}\n\n')
END = framed(b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\n') + b"0\r\n\r\n"
BURSTS = 20
BURSTY = [HEAD, *[CHUNK * 3, 0.01] * BURSTS, END]
SPREAD = [HEAD + CHUNK, 0.02, CHUNK, 0.02, CHUNK + END]


async def answers(server: Any, *, late: float) -> list[Answer]:
    """Reads an answer on each of two connections; the loop is away for a while as they begin."""
    watch = LoopWatch()
    connections = [Connection(server.endpoint, Timeouts(), watch) for _ in range(2)]
    request = RequestWriter(server.endpoint).request(b"{}", "r")
    tasks = [asyncio.ensure_future(connection.exchange(request)) for connection in connections]
    while len(server.requests) < 2:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    server.go.set()
    time.sleep(late)  # noqa: ASYNC251 (the loop is late)
    exchanges: list[Exchange] = await asyncio.gather(*tasks)
    for connection in connections:
        connection.close()
    return [read_answer(exchange) for exchange in exchanges]


def test_bursts_of_the_server_on_an_idle_client_are_not_crowded(serve: Serve, run: Run) -> None:
    server = serve(*[["request", "wait", *BURSTY, "hold"]] * 2)

    read = run(answers(server, late=0))

    assert [len(answer.chunk_stamps) for answer in read] == [3 * BURSTS] * 2
    # on a machine with other work the loop does wake late now and then
    assert all(answer.crowded_reads < BURSTS / 2 for answer in read)


def test_chunks_that_came_together_because_the_loop_was_away_are_crowded(serve: Serve, run: Run) -> None:
    server = serve(*[["request", "wait", *SPREAD, "hold"]] * 2)

    read = run(answers(server, late=0.5))

    assert [len(answer.chunk_stamps) for answer in read] == [3, 3]
    assert all(answer.chunk_stamps[0] == answer.chunk_stamps[-1] for answer in read)
    assert [answer.crowded_reads for answer in read] == [1, 1]
    assert [answer.crowded_first for answer in read] == [True, True]
