from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_npuperf.load.feed import Feed
from pytest_npuperf.load.plan import LoadPlan, PlannedRequest
from pytest_npuperf.load.planned import PlannedReader
from pytest_npuperf.unknown import UNKNOWN

MakePlan = Callable[..., LoadPlan]


def bodies(reader: PlannedReader) -> list[bytes]:
    return [reader.body(number, reader.row(number)) for number in range(reader.known)]


def test_requests_come_back_by_number(tmp_path: Path, make_plan: MakePlan) -> None:
    written = [b'{"a": 1}', "é".encode(), bytes(range(256)) * 100]
    Feed(tmp_path, make_plan(), [PlannedRequest(body=body) for body in written]).top_up(0)

    reader = PlannedReader(tmp_path)
    reader.look()

    assert bodies(reader) == written
    assert reader.complete


def test_a_row_says_what_was_planned(tmp_path: Path, make_plan: MakePlan) -> None:
    first = PlannedRequest(
        body=b"{}",
        offset=7,
        messages=(1, 2),
        turn=0,
        conversation=8,
        cancel_after=9,
        asked_input_tokens=5,
    )
    second = PlannedRequest(body=b"{}", continues=True, think_time=0.5, turn=1, asked_output_tokens=6)
    Feed(tmp_path, make_plan(), [first, second]).top_up(0)
    reader = PlannedReader(tmp_path)
    reader.look()

    one, two = reader.row(0), reader.row(1)

    assert (one.offset, one.messages_start, one.messages_end) == (7, 1, 2)
    assert (one.turn, one.followed, one.continues, one.cancel_after, one.asked_input_tokens) == (
        0,
        1,
        0,
        9,
        5,
    )
    assert (one.conversation, two.conversation) == (8, UNKNOWN)
    assert (two.offset, two.turn, two.followed, two.continues) == (UNKNOWN, 1, 0, 1)
    assert (two.think_time, two.asked_output_tokens) == (500_000_000, 6)


def counted(asked: list[int], *, continues: bool = False) -> Iterator[PlannedRequest]:
    """Requests without end; ``asked`` tells how many were made."""
    while True:
        asked[0] += 1
        yield PlannedRequest(body=b"%d" % asked[0], continues=continues and asked[0] % 3 != 1)


def test_requests_without_a_bound_are_made_a_little_ahead_of_the_load(
    tmp_path: Path, make_plan: MakePlan
) -> None:
    asked = [0]
    feed = Feed(tmp_path, make_plan(requests=None, concurrency=2), counted(asked))
    feed.top_up(0)
    ahead = asked[0]

    feed.top_up(0)
    assert asked[0] == ahead, "nothing was taken"
    feed.top_up(100)

    assert 50 < ahead < 200
    assert asked[0] == ahead + 100
    reader = PlannedReader(tmp_path)
    reader.look()
    assert bodies(reader) == [b"%d" % number for number in range(1, ahead + 100)]
    assert not reader.complete


def test_a_conversation_is_written_as_a_whole(tmp_path: Path, make_plan: MakePlan) -> None:
    feed = Feed(tmp_path, make_plan(requests=None), counted([0], continues=True))
    for taken in range(0, 300, 7):
        feed.top_up(taken)

    reader = PlannedReader(tmp_path)
    reader.look()

    rows = [reader.row(number) for number in range(reader.known)]
    assert reader.known % 3 == 0
    assert [row.followed for row in rows] == [1, 1, 0] * (len(rows) // 3)


def test_large_bodies_are_not_all_written_at_once(
    tmp_path: Path, make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_npuperf.load.feed._AHEAD_BYTES", 1000)
    feed = Feed(tmp_path, make_plan(requests=50), [PlannedRequest(body=bytes(100)) for _ in range(50)])
    reader = PlannedReader(tmp_path)
    feed.top_up(0)
    reader.look()
    assert reader.known == 10

    feed.top_up(10)
    reader.look()

    assert reader.known == 20


def test_what_was_made_before_an_error_is_written(tmp_path: Path, make_plan: MakePlan) -> None:
    def planned() -> Iterator[PlannedRequest]:
        yield PlannedRequest(body=b"{}")
        yield PlannedRequest(body=b"{}")
        raise LookupError("no more prompts")

    feed = Feed(tmp_path, make_plan(), planned())
    with pytest.raises(LookupError, match="no more prompts"):
        feed.top_up(0)

    reader = PlannedReader(tmp_path)
    reader.look()
    assert reader.known == 2
