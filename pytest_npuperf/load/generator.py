"""The load generator: a process of its own that sends a plan's requests and stamps the answers.

It is started as ``python -m pytest_npuperf.load.generator DIRECTORY`` and stops when it is told on
its standard input, or at its end: then the process that started it is gone.
"""

from __future__ import annotations

import asyncio
import gc
import shutil
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from pytest_npuperf.load.alarms import Alarms
from pytest_npuperf.load.plan import LoadPlan
from pytest_npuperf.load.planned import PlannedReader
from pytest_npuperf.load.sender import Sender
from pytest_npuperf.load.standard_input import ENOUGH, hear, is_abandoned
from pytest_npuperf.load.supply import Supply, Taken
from pytest_npuperf.load.workspace import read_plan
from pytest_npuperf.wire import stamps
from pytest_npuperf.wire.connection import Connection
from pytest_npuperf.wire.endpoint import Endpoint
from pytest_npuperf.wire.loop_thread import new_event_loop
from pytest_npuperf.wire.loop_watch import LoopWatch

__all__ = ["main"]

_NS_PER_S = 1_000_000_000
_START_LEAD = 20_000_000
"""ns between now and the first arrival of an open loop, so that it is not late already."""
_OPEN_AHEAD = 64
"""Connections opened before an open loop, at most; more are opened as they are needed."""
_WRITING_PAUSE = 2_000_000
"""ns between two looks for requests that are still being made."""


def main(directory: Path) -> None:
    """Run the plan in a directory and leave its exchanges in the spool there.

    Whoever started this process removes the directory; if he is gone, it is removed here.
    """
    try:
        plan = read_plan(directory)
        _allow_many_connections()
        loop = new_event_loop()
        try:
            loop.run_until_complete(_generate(plan, directory))
        finally:
            loop.close()
    finally:
        if is_abandoned():
            shutil.rmtree(directory, ignore_errors=True)


async def _generate(plan: LoadPlan, directory: Path) -> None:
    endpoint = Endpoint.resolve(plan.base_url, plan.tls)
    stamping = stamps.hold_stamping_open()
    planned = PlannedReader(directory)
    supply = Supply(plan, planned)
    watch = LoopWatch()
    sender = Sender(plan, directory, endpoint, planned, supply, watch)
    generator = _Generator(plan, supply, sender, lambda: Connection(endpoint, plan.timeouts, watch))
    await generator.open()
    # A collection in the middle of the load would look like a slow server.
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        await _until_over(generator.run(), sender.over, supply)
    finally:
        sender.close()
        generator.close()
        stamping.close()


class _Generator:
    """The virtual clients: when each of them sends what."""

    def __init__(
        self, plan: LoadPlan, supply: Supply, sender: Sender, connect: Callable[[], Connection]
    ) -> None:
        self._plan = plan
        self._supply = supply
        self._sender = sender
        self._connect = connect
        self._alarms = Alarms(asyncio.get_running_loop())
        self._connections: list[Connection] = []
        self._idle: list[Connection] = []

    async def open(self) -> None:
        """Open the connections that will be needed, as far as that is known."""
        bound = self._plan.concurrency or _OPEN_AHEAD
        wanted = min(bound, _OPEN_AHEAD) if self._plan.scheduled else bound
        self._connections += [self._connect() for _ in range(wanted)]
        await asyncio.gather(*(connection.open() for connection in self._connections))
        self._idle += self._connections

    def close(self) -> None:
        """Close all of them."""
        self._alarms.close()
        for connection in self._connections:
            connection.close()

    async def run(self) -> None:
        """Send everything."""
        if self._plan.scheduled:
            await self._open_loop()
        else:
            await asyncio.gather(*(self._closed_loop(client) for client in self._connections))

    async def _closed_loop(self, client: Connection) -> None:
        """One client: it is due again, after it has thought, when its last answer has arrived."""
        due = time.monotonic_ns()
        pause = round(self._plan.think_time * _NS_PER_S)
        while True:
            taken = self._supply.take()
            if taken is not None:
                due = await self._converse(client, taken, due)
                if pause:
                    due += pause
                    await self._alarms.sleep_until(due)
            elif self._supply.is_waiting():
                await self._alarms.sleep_until(time.monotonic_ns() + _WRITING_PAUSE)
            else:
                return

    async def _open_loop(self) -> None:
        """Requests go out when they are due, on an absolute schedule; those above the bound wait in order."""
        slots = asyncio.Semaphore(self._plan.concurrency) if self._plan.concurrency else None
        start = time.monotonic_ns() + _START_LEAD
        under_way: set[asyncio.Task[None]] = set()
        try:
            while True:
                taken = self._supply.take()
                if taken is not None:
                    due = start + taken.row.offset
                    await self._alarms.sleep_until(due)
                    task = asyncio.ensure_future(self._on_any_client(taken, due, slots))
                    under_way.add(task)
                    task.add_done_callback(under_way.discard)
                elif self._supply.is_waiting():
                    await self._alarms.sleep_until(time.monotonic_ns() + _WRITING_PAUSE)
                else:
                    break
            await asyncio.gather(*under_way)
        finally:
            for task in under_way:
                task.cancel()

    async def _on_any_client(self, taken: Taken, due: int, slots: asyncio.Semaphore | None) -> None:
        if slots is not None:
            await slots.acquire()
        if not self._idle:
            self._idle.append(self._connect())
            self._connections.append(self._idle[-1])
        client = self._idle.pop()
        try:
            await self._converse(client, taken, due)
        finally:
            self._idle.append(client)
            if slots is not None:
                slots.release()

    async def _converse(self, client: Connection, taken: Taken, due: int) -> int:
        """Send a request and those that continue it; returns when the last answer had arrived."""
        exchange = await self._sender.send(client, taken, due)
        while (following := self._supply.following(taken)) is not None:
            taken = following
            due = exchange.t_end + taken.row.think_time
            await self._alarms.sleep_until(due)
            exchange = await self._sender.send(client, taken, due)
        return exchange.t_end


async def _until_over(work: Awaitable[None], over: asyncio.Future[None], supply: Supply) -> None:
    """Run until nothing is left to do or to measure, or standard input says stop."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()

    def on_word() -> None:
        if hear() == ENOUGH:
            supply.enough()
            if supply.is_over and not over.done():
                over.set_result(None)
        else:
            loop.remove_reader(0)
            task.cancel()

    loop.add_reader(0, on_word)
    try:
        await asyncio.wait({task, over}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
        if not task.cancelled():
            task.result()
    finally:
        loop.remove_reader(0)


def _allow_many_connections() -> None:
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
