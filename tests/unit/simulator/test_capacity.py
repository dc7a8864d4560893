"""A simulator that answers only so many at once, as its clients see it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import httpx
import pytest

from pytest_npuperf.simulator import RequestRecord, Simulator, SimulatorSettings
from pytest_npuperf.simulator.schedule import deadlines

pytestmark = pytest.mark.asyncio

Start = Callable[..., Awaitable[Simulator]]
Connect = Callable[[Simulator], httpx.AsyncClient]

MS = 1_000_000
CHAT = "/v1/chat/completions"


def body(**fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "hello"}], "stream": True, **fields}


async def send(simulator: Simulator, **fields: Any) -> asyncio.StreamWriter:
    """Sends a request on a connection of its own, once it is recorded; nobody reads the answer."""
    count, content = len(simulator.records), json.dumps(body(**fields)).encode()
    _, writer = await asyncio.open_connection("127.0.0.1", simulator.port)
    writer.write(
        b"POST %b HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b"
        % (CHAT.encode(), len(content), content)
    )
    await until(lambda: len(simulator.records) > count)
    return writer


async def until(condition: Callable[[], bool]) -> None:
    async def poll() -> None:
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.002)

    await asyncio.wait_for(poll(), 20)


def slot_time(record: RequestRecord) -> tuple[int, int]:
    assert record.t_started is not None
    return record.t_started, record.stamps[-1]


async def test_no_more_than_the_limit_are_answered_at_once(start: Start, client: Connect) -> None:
    simulator = await start(max_batch=2, ttft=0.01, itl=0.001)
    http = client(simulator)
    await asyncio.gather(*(http.post(CHAT, json=body(max_tokens=5)) for _ in range(10)))
    times = [slot_time(record) for record in simulator.records]
    for began, _ in times:
        assert sum(a <= began <= b for a, b in times) <= 2
    assert [record.outcome for record in simulator.records] == ["complete"] * 10


async def test_the_others_start_in_order_of_arrival_and_their_ttft_counts_from_then(
    start: Start, client: Connect
) -> None:
    simulator = await start(max_batch=1, ttft=0.01)
    http = client(simulator)
    await asyncio.gather(*(http.post(CHAT, json=body(max_tokens=1)) for _ in range(6)))
    records = simulator.records
    assert records[0].t_started == records[0].t_received
    for before, record in pairwise(records):
        began, sent = slot_time(record)
        assert began > before.stamps[-1]
        assert sent - began >= 10 * MS
    # What a client sees grows with its place in the queue.
    assert records[5].stamps[0] - records[0].t_received >= 60 * MS


async def test_the_wait_changes_no_timing_of_an_answer(start: Start, client: Connect) -> None:
    settings = SimulatorSettings(port=0, max_batch=1, ttft=0.02, itl=0.005, jitter=1, seed=3)
    simulator = await start(**asdict(settings))
    http = client(simulator)
    await asyncio.gather(*(http.post(CHAT, json=body(max_tokens=10)) for _ in range(3)))
    for number, record in enumerate(simulator.records, 1):
        began, _ = slot_time(record)
        due = deadlines(settings, t_started=began, number=number, prefill_tokens=0, running=lambda: 1)
        late = [stamp - deadline for stamp, deadline in zip(record.stamps, due, strict=False)]
        assert min(late) >= 0
        assert min(late) < 5 * MS


async def test_an_answer_that_is_not_streamed_takes_a_slot_too(start: Start) -> None:
    simulator = await start(max_batch=1, ttft=60)
    with closing(await send(simulator, stream=False)), closing(await send(simulator)):
        assert [record.t_started is None for record in simulator.records] == [False, True]


async def test_a_queue_above_capacity_grows_without_end_and_drops_nobody(
    start: Start, client: Connect
) -> None:
    simulator = await start(max_batch=3, ttft=60)
    http = client(simulator)
    assert (await http.get("/simulator/state")).json() == {"running": 0, "waiting": 0}
    writers = []
    for total in (20, 40):
        writers += [await send(simulator) for _ in range(20)]
        assert (await http.get("/simulator/state")).json() == {"running": 3, "waiting": total - 3}
    assert {record.outcome for record in simulator.records} == {"running"}
    for writer in writers:
        writer.close()


async def test_without_a_limit_nobody_waits(start: Start, client: Connect) -> None:
    simulator = await start(ttft=60)
    writers = [await send(simulator) for _ in range(20)]
    state = (await client(simulator).get("/simulator/state")).json()
    assert state == {"running": 20, "waiting": 0}
    for writer in writers:
        writer.close()


async def test_a_client_that_leaves_mid_stream_is_abandoned_and_gives_its_slot_away(
    start: Start, client: Connect
) -> None:
    simulator = await start(max_batch=1, itl=0.002, output_tokens=100_000)
    leaving = await send(simulator)
    await until(lambda: simulator.records[0].tokens >= 3)
    following = asyncio.create_task(client(simulator).post(CHAT, json=body(max_tokens=2)))
    await until(lambda: len(simulator.records) == 2)
    assert simulator.records[1].t_started is None
    leaving.close()
    assert (await asyncio.wait_for(following, 20)).status_code == 200
    left, answered = simulator.records
    assert (left.outcome, answered.outcome) == ("abandoned", "complete")
    assert 3 <= left.tokens == len(left.stamps) < 100_000
    assert slot_time(answered)[0] > left.stamps[-1]


async def test_a_client_that_leaves_the_queue_was_never_answered(start: Start, client: Connect) -> None:
    simulator = await start(max_batch=1, itl=0.002, output_tokens=100_000)
    with closing(await send(simulator)):
        (await send(simulator)).close()
        await until(lambda: simulator.records[1].outcome == "abandoned")
        state = (await client(simulator).get("/simulator/state")).json()
        assert state == {"running": 1, "waiting": 0}
    assert (simulator.records[1].t_started, simulator.records[1].tokens) == (None, 0)


async def test_a_stream_that_is_cut_gives_its_slot_away(start: Start, client: Connect) -> None:
    simulator = await start(max_batch=1, break_every=1)
    http = client(simulator)
    for _ in range(2):
        with pytest.raises(httpx.RemoteProtocolError):
            await http.post(CHAT, json=body(max_tokens=4))
    assert (await http.get("/simulator/state")).json() == {"running": 0, "waiting": 0}


async def test_a_request_that_fails_needs_no_slot(start: Start, client: Connect) -> None:
    simulator = await start(max_batch=1, ttft=60, fail_every=2)
    with closing(await send(simulator)):
        response = await client(simulator).post(CHAT, json=body())
    assert response.status_code == 500


async def test_stop_cuts_those_that_wait_too(caplog: pytest.LogCaptureFixture) -> None:
    simulator = Simulator(SimulatorSettings(port=0, max_batch=1, ttft=0, itl=0))
    await simulator.start()
    writers = [await send(simulator, max_tokens=100_000, ignore_eos=True) for _ in range(5)]
    await simulator.stop()
    assert {record.outcome for record in simulator.records} == {"abandoned"}
    assert caplog.records == []
    for writer in writers:
        writer.close()


async def test_answers_get_slower_beside_others(start: Start, client: Connect) -> None:
    simulator = await start(itl=0.002, slowdown=9, output_tokens=100_000)
    with closing(await send(simulator)):
        await client(simulator).post(CHAT, json=body(max_tokens=6))
    began, ended = slot_time(simulator.records[1])
    assert ended - began >= 5 * 20 * MS
