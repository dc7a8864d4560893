"""Answers that take their time: streamed chunk by chunk, or whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http import HTTPStatus
from itertools import chain, islice
from time import monotonic_ns

from pytest_npuperf.simulator.batch import Batch
from pytest_npuperf.simulator.chat import Answer, content_events, role_event, whole_body
from pytest_npuperf.simulator.protocol import (
    LAST_CHUNK,
    Headers,
    HttpConnection,
    body_chunk,
    stream_head,
    whole_response,
)
from pytest_npuperf.simulator.records import RequestRecord
from pytest_npuperf.simulator.scheduler import DeadlineScheduler

__all__ = ["TimedAnswer", "Write", "streamed_writes", "whole_writes"]

Write = tuple[int, bytes, int]
"""When it is due (monotonic ns), the bytes, and the number of tokens in them."""


def streamed_writes(
    answer: Answer, deadlines: Iterator[int], *, headers: Headers, role_lead: int, cut: bool
) -> Iterator[Write]:
    """The writes of an event stream.

    The head of the response and the role chunk go with the first content chunk, or as a
    write of their own ``role_lead`` ns before it is due. ``cut`` leaves out the second half
    of the content chunks and the end of the body.
    """
    opening = stream_head(headers) + body_chunk(role_event(answer))
    sent = answer.chunks // 2 if cut else answer.chunks
    first = due = next(deadlines)
    if role_lead or not sent:
        yield first - role_lead, opening, 0
        opening = b""
    events = islice(content_events(answer), sent)
    for (event, tokens), due in zip(events, chain([first], deadlines), strict=False):
        yield due, opening + body_chunk(event), tokens
        opening = b""
    if not cut:
        yield due, LAST_CHUNK, 0


def whole_writes(answer: Answer, deadlines: Iterator[int], *, headers: Headers) -> Iterator[Write]:
    """The one write of an answer that is not streamed, due when its last chunk would be.

    All its gaps are fixed at its beginning.
    """
    due = next(islice(deadlines, answer.chunks - 1, None))
    yield due, whole_response(HTTPStatus.OK, whole_body(answer), headers), answer.tokens


class TimedAnswer:
    """Performs writes when they are due and records those that carry tokens.

    It begins when it gets its slot in the batch, and leaves the batch when it ends. ``schedule`` gives
    its writes, once it is known when that was.
    """

    __slots__ = (
        *("_batch", "_connection", "_cut", "_lost", "_next", "_parked", "_record", "_schedule"),
        *("_scheduler", "_writes"),
    )

    def __init__(
        self,
        connection: HttpConnection,
        scheduler: DeadlineScheduler,
        batch: Batch,
        record: RequestRecord,
        schedule: Callable[[int], Iterator[Write]],
        *,
        cut: bool,
    ) -> None:
        self._connection = connection
        self._scheduler = scheduler
        self._batch = batch
        self._record = record
        self._schedule = schedule
        self._cut = cut
        self._parked = False
        self._lost = False
        self._writes: Iterator[Write]
        self._next: Write

    def start(self, t_started: int) -> None:
        """Begins; the first write is due as far from ``t_started`` (monotonic ns) as the schedule says."""
        self._record.t_started = t_started
        self._writes = self._schedule(t_started)
        # Always made before it is due: when it is, only the clock and the socket remain.
        self._next = next(self._writes)
        self._scheduler.push(self._next[0], self.step)

    def step(self) -> int:
        """Performs the write that is due; returns the next deadline, 0 where there is none."""
        if self._lost:
            return 0
        if self._connection.paused:
            self._parked = True
            return 0
        _, data, tokens = self._next
        if tokens:
            self._record.tokens += tokens
            self._record.stamps.append(monotonic_ns())
        self._connection.write(data)
        following = next(self._writes, None)
        if following is None:
            self._end()
            return 0
        self._next = following
        return following[0]

    def resumed(self) -> None:
        """Goes on after the client had stopped reading; what is overdue goes out at once."""
        if self._parked:
            self._parked = False
            self._scheduler.push(self._next[0], self.step)

    def lost(self) -> None:
        """Ends the answer to a client that is gone."""
        self._lost = True
        self._record.outcome = "abandoned"
        self._batch.leave(self)

    def _end(self) -> None:
        if self._cut:
            self._record.outcome = "broken"
            self._connection.close()
        else:
            self._record.outcome = "complete"
            self._connection.finish()
        self._batch.leave(self)
