from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError

import pytest

from pytest_npuperf.wire.loop_thread import LoopThread


@pytest.fixture
def thread() -> Iterator[LoopThread]:
    thread = LoopThread()
    yield thread
    thread.close()


def test_coroutines_run_in_one_thread_that_is_not_the_callers(thread: LoopThread) -> None:
    async def where() -> int:
        return threading.get_ident()

    found = {thread.submit(where()).result(30) for _ in range(2)}

    assert len(found) == 1
    assert threading.get_ident() not in found


def test_closing_cancels_what_still_runs(thread: LoopThread) -> None:
    ended = threading.Event()

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    future = thread.submit(wait())
    thread.submit(asyncio.sleep(0)).result(30)  # it has begun
    thread.close()
    thread.close()

    assert ended.is_set()
    with pytest.raises(CancelledError):
        future.result(30)


def test_cancelling_the_future_cancels_the_coroutine(thread: LoopThread) -> None:
    ended = threading.Event()

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    future = thread.submit(wait())
    thread.submit(asyncio.sleep(0)).result(30)
    future.cancel()

    assert ended.wait(30)
