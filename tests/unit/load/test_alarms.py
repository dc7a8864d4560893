from __future__ import annotations

import asyncio
import time

from pytest_npuperf.load.alarms import Alarms

MS = 1_000_000


def run_sleepers(dues: list[int]) -> list[tuple[int, int]]:
    """(which sleeper, how late it woke in ns) in the order they woke; dues are in ms from now."""

    async def sleep_all() -> list[tuple[int, int]]:
        alarms = Alarms(asyncio.get_running_loop())
        start = time.monotonic_ns()
        woken: list[tuple[int, int]] = []

        async def sleep(number: int, due: int) -> None:
            await alarms.sleep_until(start + due * MS)
            woken.append((number, time.monotonic_ns() - start - due * MS))

        await asyncio.gather(*(sleep(number, due) for number, due in enumerate(dues)))
        alarms.close()
        return woken

    return asyncio.run(sleep_all())


def test_sleepers_wake_in_the_order_they_are_due_and_never_early() -> None:
    woken = run_sleepers([30, 10, 20, 10])

    assert [number for number, _ in woken] == [1, 3, 2, 0]
    assert all(late >= 0 for _, late in woken)


def test_who_is_late_does_not_sleep() -> None:
    assert [number for number, _ in run_sleepers([-5, -1])] == [0, 1]


def test_a_sleeper_that_was_cancelled_holds_up_no_other() -> None:
    async def cancel_one() -> bool:
        alarms = Alarms(asyncio.get_running_loop())
        due = time.monotonic_ns() + 20 * MS
        first, second = (asyncio.ensure_future(alarms.sleep_until(due)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait_for(second, 10)
        alarms.close()
        return first.cancelled()

    assert asyncio.run(cancel_one())
