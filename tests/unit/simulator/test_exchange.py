from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import cast

import msgspec
import pytest

from pytest_npuperf.simulator.batch import Batch
from pytest_npuperf.simulator.chat import Answer, plan_answer
from pytest_npuperf.simulator.exchange import TimedAnswer, Write, streamed_writes, whole_writes
from pytest_npuperf.simulator.protocol import LAST_CHUNK, HttpConnection
from pytest_npuperf.simulator.records import RequestRecord
from pytest_npuperf.simulator.request import ChatRequest
from pytest_npuperf.simulator.scheduler import DeadlineScheduler
from pytest_npuperf.simulator.settings import SimulatorSettings


def plan(tokens: int) -> Answer:
    request = msgspec.convert(
        {"messages": [{"role": "user", "content": "hi"}], "max_tokens": tokens, "stream": True}, ChatRequest
    )
    answer = plan_answer(SimulatorSettings(), request, request_id="abc", created=1, number=1, prompt_tokens=5)
    assert isinstance(answer, Answer)
    return answer


def writes(tokens: int, *, role_lead: int = 0, cut: bool = False) -> list[Write]:
    deadlines = count(100, 10)
    return list(streamed_writes(plan(tokens), deadlines, headers=(), role_lead=role_lead, cut=cut))


def content_of(data: bytes) -> int:
    """Number of content chunks in the bytes."""
    return data.count(b'"content":" ')


def test_the_head_and_the_role_go_with_the_first_chunk() -> None:
    made = writes(3)
    assert [(due, content_of(data), tokens) for due, data, tokens in made[:3]] == [
        (100, 1, 1),
        (110, 1, 1),
        (120, 1, 1),
    ]
    assert made[0][1].startswith(b"HTTP/1.1 200 OK\r\n")
    assert b'"role":"assistant"' in made[0][1]
    assert made[3] == (120, LAST_CHUNK, 0)


def test_the_role_can_go_ahead_of_the_first_chunk() -> None:
    made = writes(2, role_lead=40)
    assert [(due, content_of(data), tokens) for due, data, tokens in made] == [
        (60, 0, 0),
        (100, 1, 1),
        (110, 1, 1),
        (110, 0, 0),
    ]
    assert b'"role":"assistant"' in made[0][1]


@pytest.mark.parametrize(("tokens", "sent"), [(8, 4), (5, 2), (2, 1)])
def test_a_cut_stream_has_half_of_its_chunks_and_no_end(tokens: int, sent: int) -> None:
    made = writes(tokens, cut=True)
    assert [content_of(data) for _, data, _ in made] == [1] * sent
    assert b"[DONE]" not in made[-1][1]
    assert not made[-1][1].endswith(LAST_CHUNK)


def test_a_cut_stream_of_one_chunk_has_its_opening_only() -> None:
    [(due, data, tokens)] = writes(1, cut=True)
    assert (due, content_of(data), tokens) == (100, 0, 0)


def test_a_whole_answer_is_due_with_its_last_chunk() -> None:
    [(due, data, tokens)] = whole_writes(plan(4), count(100, 10), headers=())
    assert (due, tokens) == (130, 4)
    assert data.startswith(b"HTTP/1.1 200 OK\r\n")


class FakeConnection:
    def __init__(self) -> None:
        self.paused = False
        self.written: list[bytes] = []
        self.ended: list[str] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def finish(self) -> None:
        self.ended.append("finish")

    def close(self) -> None:
        self.ended.append("close")


class FakeScheduler:
    def __init__(self) -> None:
        self.pushed: list[tuple[int, Callable[[], int]]] = []

    def push(self, due: int, step: Callable[[], int]) -> None:
        self.pushed.append((due, step))


class Running:
    """A TimedAnswer on fakes, with a slot since 7 unless others have them all."""

    def __init__(self, made: Iterator[Write], *, cut: bool = False, batch: Batch | None = None) -> None:
        self.connection = FakeConnection()
        self.scheduler = FakeScheduler()
        self.record = RequestRecord("abc", True, 0, 5)
        self.batch = batch or Batch(1)
        self.answer = TimedAnswer(
            cast("HttpConnection", self.connection),
            cast("DeadlineScheduler", self.scheduler),
            self.batch,
            self.record,
            lambda _: made,
            cut=cut,
        )
        self.batch.join(self.answer, 7)


def plain_writes() -> Iterator[Write]:
    return iter([(90, b"role", 0), (100, b"one", 1), (110, b"two", 2), (110, b"end", 0)])


def test_deadlines_do_not_move_however_late_a_step_is() -> None:
    running = Running(plain_writes())
    assert [due for due, _ in running.scheduler.pushed] == [90]
    # The monotonic clock is far beyond all of them.
    assert [running.answer.step() for _ in range(4)] == [100, 110, 110, 0]
    assert running.connection.written == [b"role", b"one", b"two", b"end"]
    assert running.connection.ended == ["finish"]


def test_only_writes_with_tokens_are_stamped() -> None:
    running = Running(plain_writes())
    while running.answer.step():
        pass
    assert len(running.record.stamps) == 2
    assert running.record.tokens == 3
    assert running.record.outcome == "complete"


def test_a_cut_stream_closes_the_connection() -> None:
    running = Running(iter([(100, b"one", 1)]), cut=True)
    assert running.answer.step() == 0
    assert running.connection.ended == ["close"]
    assert running.record.outcome == "broken"


def test_a_client_that_stalls_holds_its_writes_until_it_reads_again() -> None:
    running = Running(plain_writes())
    running.answer.step()
    running.connection.paused = True
    assert running.answer.step() == 0
    assert running.connection.written == [b"role"]
    running.connection.paused = False
    running.answer.resumed()
    assert [due for due, _ in running.scheduler.pushed] == [90, 100]
    assert [running.answer.step() for _ in range(3)] == [110, 110, 0]
    assert running.connection.written == [b"role", b"one", b"two", b"end"]


def test_a_short_stall_between_two_writes_schedules_nothing_twice() -> None:
    running = Running(plain_writes())
    running.answer.step()
    running.connection.paused = True
    running.connection.paused = False
    running.answer.resumed()
    assert len(running.scheduler.pushed) == 1


def test_nothing_is_written_to_a_client_that_is_gone() -> None:
    running = Running(plain_writes())
    running.answer.step()
    running.answer.lost()
    assert running.answer.step() == 0
    assert running.connection.written == [b"role"]
    assert running.record.outcome == "abandoned"


def test_an_answer_is_scheduled_from_when_it_got_its_slot() -> None:
    first = Running(plain_writes())
    assert first.record.t_started == 7
    second = Running(plain_writes(), batch=first.batch)
    assert second.scheduler.pushed == []
    while first.answer.step():
        pass
    assert second.record.t_started is not None
    assert second.record.t_started > 7
    assert [due for due, _ in second.scheduler.pushed] == [90]


@pytest.mark.parametrize("end", ["complete", "broken", "abandoned"])
def test_every_end_frees_the_slot_once(end: str) -> None:
    running = Running(plain_writes(), cut=end == "broken")
    if end == "abandoned":
        running.answer.lost()
    while running.answer.step():
        pass
    assert running.record.outcome == end
    assert (running.batch.running, running.batch.waiting) == (0, 0)


def test_a_client_that_leaves_the_queue_is_never_answered() -> None:
    first = Running(plain_writes())
    second = Running(plain_writes(), batch=first.batch)
    second.answer.resumed()
    second.answer.lost()
    assert (first.batch.running, first.batch.waiting) == (1, 0)
    while first.answer.step():
        pass
    assert second.scheduler.pushed == []
    assert (second.record.outcome, second.record.t_started) == ("abandoned", None)
