"""Sends one planned request, hands its exchange over, and keeps the count."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pytest_npuperf.load.boards import Sent, sent_board
from pytest_npuperf.load.histories import Histories
from pytest_npuperf.load.plan import LoadPlan
from pytest_npuperf.load.planned import PlannedReader
from pytest_npuperf.load.spool import SpoolWriter
from pytest_npuperf.load.supply import Supply, Taken
from pytest_npuperf.load.workspace import API_KEY_VARIABLE
from pytest_npuperf.unknown import UNKNOWN
from pytest_npuperf.wire import failures
from pytest_npuperf.wire.connection import Connection
from pytest_npuperf.wire.endpoint import Endpoint
from pytest_npuperf.wire.exchange import Exchange
from pytest_npuperf.wire.http import RequestWriter
from pytest_npuperf.wire.loop_watch import LoopWatch

__all__ = ["Sender"]

_SPOOL_PAUSE = 0.001
"""Seconds between two writes to the spool; a write takes some 30 us."""
_SPOOL_BACKLOG = 64
"""Finished requests for which one more is written each time, so that they do not pile up."""
_EVENT = b"data:"


class Sender:
    """What all virtual clients of one load generator share."""

    def __init__(
        self,
        plan: LoadPlan,
        directory: Path,
        endpoint: Endpoint,
        planned: PlannedReader,
        supply: Supply,
        watch: LoopWatch,
    ) -> None:
        self._plan = plan
        self._planned = planned
        self._supply = supply
        self._watch = watch
        self._loop = asyncio.get_running_loop()
        self._writer = RequestWriter(
            endpoint, api_key=os.environ.pop(API_KEY_VARIABLE, None), headers=plan.headers
        )
        self._board = sent_board(directory)
        self._spool = SpoolWriter(directory)
        self._histories = Histories(directory) if plan.conversations else None
        self._finished: deque[tuple[Taken, int, Exchange]] = deque()
        self._told = Sent()
        self._refused_in_a_row = 0
        self._cpu_time = self._run_delay = 0
        self.over: asyncio.Future[None] = self._loop.create_future()
        """Done when all that is measured has ended, or the server is gone."""

    async def send(self, client: Connection, taken: Taken, due: int) -> Exchange:
        """Send a request and take its response in; where another one continues it, also its answer."""
        number, row, measured = taken
        body = self._planned.body(number, row)
        if self._histories is not None and row.continues:
            body = self._histories.into(body, taken)
        payload = self._writer.request(body, self._plan.request_id(number))
        if measured and not self._told.measuring_since:
            self._begin_measuring()
        self._count(sent=measured)
        if row.cancel_after or row.cancel_after_tokens:
            exchange = await _exchange_in_part(client, payload, taken)
        else:
            exchange = await client.exchange(payload)
        self._supply.ended(taken)
        if measured:
            self._heed_refusal(exchange)
        self._count(ended=measured)
        if self._histories is not None and row.followed:
            self._spool.append(number, due, exchange, measured=measured)
            await self._histories.keep(body, taken)
        else:
            self._hand_over(taken, due, exchange)
        if self._supply.is_over and not self.over.done():
            self.over.set_result(None)
        return exchange

    def close(self) -> None:
        """Write what has been measured; also when the load was stopped."""
        self._end_measuring()
        while self._finished:
            self._spool_one()
        self._spool.close()
        if self._histories is not None:
            self._histories.close()

    def _heed_refusal(self, exchange: Exchange) -> None:
        """End the load where the server is gone: refusals come faster than anybody else could look."""
        if exchange.failure != failures.CONNECT:
            self._refused_in_a_row = 0
            return
        self._refused_in_a_row += 1
        longest = max(self._told.refused_in_a_row, self._refused_in_a_row)
        self._told = self._told._replace(refused_in_a_row=longest)
        if self._refused_in_a_row == self._plan.server_gone and not self.over.done():
            self._supply.enough()
            self.over.set_result(None)

    def _hand_over(self, taken: Taken, due: int, exchange: Exchange) -> None:
        """Streams end together: written at once, their bodies would hold up the other streams' reads."""
        if not self._finished:
            self._loop.call_later(_SPOOL_PAUSE, self._spool_some)
        self._finished.append((taken, due, exchange))
        self._watch.busy_until = time.monotonic_ns()

    def _spool_some(self) -> None:
        waiting = len(self._finished)  # none, where the load has been closed meanwhile
        for _ in range(min(waiting, 1 + waiting // _SPOOL_BACKLOG)):
            self._spool_one()
        if self._finished:
            self._loop.call_later(_SPOOL_PAUSE, self._spool_some)
        self._watch.busy_until = time.monotonic_ns()

    def _spool_one(self) -> None:
        taken, due, exchange = self._finished.popleft()
        self._spool.append(taken.number, due, exchange, measured=taken.measured)

    def _count(self, *, sent: int = 0, ended: int = 0) -> None:
        told = self._told
        self._told = told._replace(sent=told.sent + sent, ended=told.ended + ended, taken=self._supply.taken)
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


async def _exchange_in_part(client: Connection, payload: bytes, taken: Taken) -> Exchange:
    """Give the request up after the time, or as many events, that it says."""
    row = taken.row

    def give_up(why: str) -> None:
        client.give_up(failures.CANCELLED, f"given up by the client after {why}, as the case asks")

    def count(exchange: Exchange) -> None:
        # The body is counted anew at each read, but few requests are cancelled, and early.
        if exchange.body.count(_EVENT) >= row.cancel_after_tokens:
            give_up(f"{row.cancel_after_tokens} tokens")

    follow: Callable[[Exchange], None] | None = count if row.cancel_after_tokens else None
    timer = None
    if row.cancel_after:
        seconds = row.cancel_after * 1e-9
        timer = asyncio.get_running_loop().call_later(seconds, give_up, f"{seconds:g} s")
    try:
        return await client.exchange(payload, follow)
    finally:
        if timer is not None:
            timer.cancel()


def _run_delay() -> int:
    """Time this process was ready to run but had no processor, in ns; Linux tells."""
    with suppress(OSError, IndexError, ValueError):
        return int(Path("/proc/self/schedstat").read_text().split()[1])
    return UNKNOWN
