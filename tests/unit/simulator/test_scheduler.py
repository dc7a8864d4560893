from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from time import monotonic_ns

import pytest

from pytest_npuperf.simulator.scheduler import DeadlineScheduler
from pytest_npuperf.timers import KernelTimer, LoopTimer, Timer

pytestmark = pytest.mark.asyncio

MS = 1_000_000
TIMERS = [
    pytest.param(KernelTimer, marks=pytest.mark.skipif(sys.platform != "linux", reason="needs timerfd")),
    LoopTimer,
]


def once(action: Callable[[], object]) -> Callable[[], int]:
    def step() -> int:
        action()
        return 0

    return step


@pytest.mark.parametrize("timer", TIMERS)
async def test_steps_run_in_the_order_of_their_deadlines_and_never_early(timer: type[Timer]) -> None:
    scheduler = DeadlineScheduler(asyncio.get_running_loop(), timer)
    start, finished = monotonic_ns(), asyncio.Event()
    ran: list[tuple[str, int]] = []
    for name, after in (("late", 30 * MS), ("early", 10 * MS), ("first", 0), ("middle", 20 * MS)):
        scheduler.push(start + after, once(lambda name=name: ran.append((name, monotonic_ns()))))  # type: ignore[misc]
    scheduler.push(start + 40 * MS, once(finished.set))
    await asyncio.wait_for(finished.wait(), 10)
    scheduler.close()
    assert [name for name, _ in ran] == ["first", "early", "middle", "late"]
    assert all(t - start >= after for (_, t), after in zip(ran, (0, 10 * MS, 20 * MS, 30 * MS), strict=True))


@pytest.mark.parametrize("timer", TIMERS)
async def test_a_step_runs_again_at_each_deadline_it_returns(timer: type[Timer]) -> None:
    scheduler = DeadlineScheduler(asyncio.get_running_loop(), timer)
    start, finished = monotonic_ns(), asyncio.Event()
    ran: list[int] = []

    def step() -> int:
        ran.append(monotonic_ns())
        if len(ran) < 5:
            return start + len(ran) * 5 * MS
        finished.set()
        return 0

    scheduler.push(start, step)
    await asyncio.wait_for(finished.wait(), 10)
    scheduler.close()
    assert len(ran) == 5
    assert all(t >= start + k * 5 * MS for k, t in enumerate(ran))


async def test_the_loop_gets_its_turn_though_a_step_is_always_due() -> None:
    scheduler = DeadlineScheduler(asyncio.get_running_loop())
    steps = turns = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 1 if steps < 10_000 else 0

    scheduler.push(1, step)
    while steps < 10_000:
        turns += 1
        await asyncio.sleep(0)
    scheduler.close()
    assert turns > 20


@pytest.mark.parametrize("timer", TIMERS)
async def test_nothing_runs_after_close(timer: type[Timer]) -> None:
    scheduler = DeadlineScheduler(asyncio.get_running_loop(), timer)
    ran: list[None] = []
    scheduler.push(monotonic_ns() + MS, once(lambda: ran.append(None)))
    scheduler.close()
    scheduler.push(monotonic_ns(), once(lambda: ran.append(None)))
    await asyncio.sleep(0.02)
    assert ran == []
