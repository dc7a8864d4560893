"""The load generator: a process of its own that sends a plan's requests and stamps the answers.

It is started as ``python -m pytest_npuperf.load.generator DIRECTORY PARENT`` (a process id) and
stops when its standard input ends: also when the process that started it was killed.
"""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import sys
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

from pytest_npuperf.load.plan import LoadPlan
from pytest_npuperf.load.spool import SpoolWriter
from pytest_npuperf.load.workspace import API_KEY_VARIABLE, Bodies, Counters, read_plan
from pytest_npuperf.wire import stamps
from pytest_npuperf.wire.connection import Connection
from pytest_npuperf.wire.endpoint import Endpoint
from pytest_npuperf.wire.http import RequestWriter

__all__ = ["main"]


def main(directory: Path, *, parent: int) -> None:
    """Run the plan in a directory and leave its exchanges in the spool there.

    The directory is the parent's to remove; where that process is gone, it is removed here.
    """
    try:
        plan = read_plan(directory)
        _allow_many_connections()
        loop = _new_event_loop()
        try:
            loop.run_until_complete(_stoppable(_Generator(plan, directory).run()))
        finally:
            loop.close()
    finally:
        if os.getppid() != parent:
            shutil.rmtree(directory, ignore_errors=True)


class _Generator:
    def __init__(self, plan: LoadPlan, directory: Path) -> None:
        endpoint = Endpoint.resolve(plan.base_url)
        self._plan = plan
        self._writer = RequestWriter(endpoint, api_key=os.environ.pop(API_KEY_VARIABLE, None))
        self._bodies = Bodies(directory)
        self._counters = Counters(directory)
        self._spool = SpoolWriter(directory)
        self._stamping = stamps.hold_stamping_open()
        self._endpoint = endpoint
        self._measuring_since = 0
        self._sent = 0
        self._ended = 0

    async def run(self) -> None:
        plan = self._plan
        clients = [Connection(self._endpoint, plan.timeouts) for _ in range(plan.load.concurrency)]
        await asyncio.gather(*(client.open() for client in clients))
        # A collection in the middle of the load would look like a slow server.
        gc.collect()
        gc.freeze()
        gc.disable()
        try:
            await self._send_all(clients, range(plan.warmup))
            self._measuring_since = time.monotonic_ns()
            await self._send_all(clients, range(plan.warmup, plan.warmup + plan.requests))
        finally:
            for client in clients:
                client.close()
            self._spool.close()

    async def _send_all(self, clients: list[Connection], requests: range) -> None:
        """The closed loop: every client takes the next request as soon as its last one ended."""
        numbers = iter(requests)
        await asyncio.gather(*(self._client(client, numbers) for client in clients))

    async def _client(self, client: Connection, numbers: Iterator[int]) -> None:
        for number in numbers:
            payload = self._writer.request(self._bodies[number], self._plan.request_id(number))
            measured = number >= self._plan.warmup
            self._sent += measured
            self._publish()
            t_scheduled = time.monotonic_ns()
            exchange = await client.exchange(payload)
            self._spool.append(number, t_scheduled, exchange)
            self._ended += measured
            self._publish()

    def _publish(self) -> None:
        self._counters.publish(measuring_since=self._measuring_since, sent=self._sent, ended=self._ended)


async def _stoppable(work: Coroutine[Any, Any, None]) -> None:
    """Run until the work is done or standard input ends, whichever is first."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()

    def on_stdin() -> None:
        if not os.read(0, 1024):
            loop.remove_reader(0)
            task.cancel()

    loop.add_reader(0, on_stdin)
    try:
        await task
    except asyncio.CancelledError:
        pass
    finally:
        loop.remove_reader(0)


def _new_event_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def _allow_many_connections() -> None:
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    main(Path(sys.argv[1]), parent=int(sys.argv[2]))
