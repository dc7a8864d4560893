from __future__ import annotations

from time import monotonic_ns

from pytest_npuperf.simulator.batch import Batch


class Started:
    def __init__(self) -> None:
        self.at: int | None = None

    def start(self, t_started: int) -> None:
        self.at = t_started


def joined(batch: Batch, count: int) -> list[Started]:
    members = [Started() for _ in range(count)]
    for now, member in enumerate(members):
        batch.join(member, now)
    return members


def test_without_a_limit_everybody_starts_on_arrival() -> None:
    batch = Batch(0)
    assert [member.at for member in joined(batch, 100)] == list(range(100))
    assert (batch.running, batch.waiting) == (100, 0)


def test_those_above_the_limit_wait() -> None:
    batch = Batch(2)
    assert [member.at for member in joined(batch, 5)] == [0, 1, None, None, None]
    assert (batch.running, batch.waiting) == (2, 3)


def test_who_leaves_makes_room_for_who_waits_longest() -> None:
    batch = Batch(2)
    first, second, third, fourth, _ = joined(batch, 5)
    before = monotonic_ns()
    batch.leave(second)
    assert third.at is not None
    assert before <= third.at <= monotonic_ns()
    assert fourth.at is None
    batch.leave(first)
    assert fourth.at is not None
    assert (batch.running, batch.waiting) == (2, 1)


def test_who_leaves_the_queue_starts_nobody_and_is_never_started() -> None:
    batch = Batch(1)
    first, second, third = joined(batch, 3)
    batch.leave(second)
    assert (batch.running, batch.waiting, third.at) == (1, 1, None)
    batch.leave(first)
    assert second.at is None
    assert third.at is not None


def test_a_slot_that_nobody_waits_for_is_free_again() -> None:
    batch = Batch(1)
    [first] = joined(batch, 1)
    batch.leave(first)
    assert (batch.running, batch.waiting) == (0, 0)
    [second] = joined(batch, 1)
    assert second.at == 0
