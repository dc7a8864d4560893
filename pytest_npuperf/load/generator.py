"""The load generator: a process of its own that sends a plan's requests and stamps the answers.

It is started as ``python -m pytest_npuperf.load.generator DIRECTORY`` and stops at the first byte
on its standard input, or at its end: then the process that started it is gone.
"""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import sys
import time
from collections import deque
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

from pytest_npuperf.load.boards import Sent, sent_board
from pytest_npuperf.load.plan import LoadPlan
from pytest_npuperf.load.spool import SpoolWriter
from pytest_npuperf.load.standard_input import is_abandoned
from pytest_npuperf.load.workspace import API_KEY_VARIABLE, Bodies, read_plan
from pytest_npuperf.unknown import UNKNOWN
from pytest_npuperf.wire import stamps
from pytest_npuperf.wire.connection import Connection
from pytest_npuperf.wire.endpoint import Endpoint
from pytest_npuperf.wire.exchange import Exchange
from pytest_npuperf.wire.http import RequestWriter
from pytest_npuperf.wire.loop_thread import new_event_loop
from pytest_npuperf.wire.loop_watch import LoopWatch

__all__ = ["main"]


def main(directory: Path) -> None:
    """Run the plan in a directory and leave its exchanges in the spool there.

    Whoever started this process removes the directory; if he is gone, it is removed here.
    """
    try:
        plan = read_plan(directory)
        _allow_many_connections()
        loop = new_event_loop()
        try:
            loop.run_until_complete(_stoppable(_Generator(plan, directory).run()))
        finally:
            loop.close()
    finally:
        if is_abandoned():
            shutil.rmtree(directory, ignore_errors=True)


_SPOOL_PAUSE = 0.001
"""Seconds between two writes to the spool; a write takes some 40 us."""
_SPOOL_BACKLOG = 64
"""Finished requests for which one more is written each time, so that they do not pile up."""


class _Generator:
    def __init__(self, plan: LoadPlan, directory: Path) -> None:
        endpoint = Endpoint.resolve(plan.base_url, plan.tls)
        self._plan = plan
        self._writer = RequestWriter(endpoint, api_key=os.environ.pop(API_KEY_VARIABLE, None))
        self._bodies = Bodies(directory)
        self._board = sent_board(directory)
        self._spool = SpoolWriter(directory)
        self._stamping = stamps.hold_stamping_open()
        self._endpoint = endpoint
        self._finished: deque[tuple[int, int, Exchange]] = deque()
        self._watch = LoopWatch()
        self._told = Sent()
        self._cpu_time = self._run_delay = 0

    async def run(self) -> None:
        self._loop = asyncio.get_running_loop()
        plan = self._plan
        clients = [
            Connection(self._endpoint, plan.timeouts, self._watch) for _ in range(plan.load.concurrency)
        ]
        await asyncio.gather(*(client.open() for client in clients))
        # A collection in the middle of the load would look like a slow server.
        gc.collect()
        gc.freeze()
        gc.disable()
        try:
            await self._send_all(clients, range(plan.warmup))
            self._begin_measuring()
            await self._send_all(clients, range(plan.warmup, plan.warmup + plan.requests))
        finally:
            self._end_measuring()
            for client in clients:
                client.close()
            while self._finished:
                self._spool.append(*self._finished.popleft())
            self._spool.close()

    async def _send_all(self, clients: list[Connection], requests: range) -> None:
        """The closed loop: every client takes the next request as soon as its last one ended."""
        numbers = iter(requests)
        await asyncio.gather(*(self._client(client, numbers) for client in clients))

    async def _client(self, client: Connection, numbers: Iterator[int]) -> None:
        # A client of a closed loop is due again when its last answer has arrived.
        t_scheduled = time.monotonic_ns()
        for number in numbers:
            payload = self._writer.request(self._bodies[number], self._plan.request_id(number))
            measured = number >= self._plan.warmup
            self._count(sent=measured)
            exchange = await client.exchange(payload)
            self._count(ended=measured)
            self._hand_over(number, t_scheduled, exchange)
            t_scheduled = exchange.t_end

    def _hand_over(self, number: int, t_scheduled: int, exchange: Exchange) -> None:
        """Streams end together: written at once, their bodies would hold up the other streams' reads."""
        if not self._finished:
            self._loop.call_later(_SPOOL_PAUSE, self._spool_some)
        self._finished.append((number, t_scheduled, exchange))
        self._watch.busy_until = time.monotonic_ns()

    def _spool_some(self) -> None:
        for _ in range(1 + len(self._finished) // _SPOOL_BACKLOG):
            self._spool.append(*self._finished.popleft())
        if self._finished:
            self._loop.call_later(_SPOOL_PAUSE, self._spool_some)
        self._watch.busy_until = time.monotonic_ns()

    def _count(self, *, sent: int = 0, ended: int = 0) -> None:
        self._told = self._told._replace(sent=self._told.sent + sent, ended=self._told.ended + ended)
        self._board.set(*self._told)

    def _begin_measuring(self) -> None:
        self._told = Sent(measuring_since=time.monotonic_ns())
        self._cpu_time, self._run_delay = time.process_time_ns(), _run_delay()

    def _end_measuring(self) -> None:
        if self._told.measuring_since:
            run_delay = _run_delay()
            self._told = self._told._replace(
                wall_time=time.monotonic_ns() - self._told.measuring_since,
                cpu_time=time.process_time_ns() - self._cpu_time,
                run_delay=UNKNOWN if run_delay == UNKNOWN else run_delay - self._run_delay,
            )
            self._board.set(*self._told)


async def _stoppable(work: Coroutine[Any, Any, None]) -> None:
    """Run until the work is done or standard input says stop, whichever is first."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()

    def on_stdin() -> None:
        loop.remove_reader(0)
        task.cancel()

    loop.add_reader(0, on_stdin)
    try:
        await task
    except asyncio.CancelledError:
        pass
    finally:
        loop.remove_reader(0)


def _run_delay() -> int:
    """Time this process was ready to run but had no processor, in ns; Linux tells."""
    try:
        return int(Path("/proc/self/schedstat").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return UNKNOWN


def _allow_many_connections() -> None:
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
