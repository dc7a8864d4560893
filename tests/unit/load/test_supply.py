from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_npuperf.load import supply
from pytest_npuperf.load.plan import LoadPlan, PlannedRequest
from pytest_npuperf.load.planned import PlannedReader, PlannedWriter
from pytest_npuperf.load.supply import Supply, Taken

SECOND = 1_000_000_000


@pytest.fixture
def make_supply(tmp_path: Path, make_plan: Callable[..., LoadPlan]) -> Callable[..., Supply]:
    """A supply of so many requests, or of conversations of so many turns."""

    def make(available: int, *, turns: int = 1, **settings: int | float | None) -> Supply:
        writer = PlannedWriter(tmp_path)
        writer.append([PlannedRequest(body=b"{}", continues=i % turns > 0) for i in range(available)])
        writer.end()
        return Supply(make_plan(**settings), PlannedReader(tmp_path))

    return make


def all_taken(of: Supply) -> list[Taken]:
    taken: list[Taken] = []
    while (one := of.take()) is not None:
        taken.append(one)
        of.ended(one)
    return taken


def phases(taken: list[Taken]) -> str:
    return "".join("m" if one.measured else "-" for one in taken)


def test_what_is_measured_follows_the_warmup_and_the_cooldown_that(
    make_supply: Callable[..., Supply],
) -> None:
    one = make_supply(9, warmup=2, requests=4, cooldown=3)

    # all ended at once, so nothing is left that a cooldown would keep company
    assert phases(all_taken(one)) == "--mmmm"
    assert one.is_over


def test_the_cooldown_is_sent_while_something_measured_is_under_way(
    make_supply: Callable[..., Supply],
) -> None:
    one = make_supply(20, requests=2, cooldown=3)
    first, second = one.take(), one.take()
    assert first is not None
    assert second is not None

    later = [one.take() for _ in range(5)]

    assert [taken is not None and not taken.measured for taken in later] == [True] * 3 + [False] * 2
    one.ended(first)
    assert not one.is_over
    one.ended(second)
    assert one.is_over


def test_nothing_is_measured_after_the_duration(
    make_supply: Callable[..., Supply], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [SECOND]
    monkeypatch.setattr(supply.time, "monotonic_ns", lambda: now[0])
    one = make_supply(20, warmup=1, requests=None, duration=2.0)
    assert [taken is not None and taken.measured for taken in (one.take(), one.take())] == [False, True]
    now[0] += 2 * SECOND - 1
    assert one.take() is not None

    now[0] += 1

    assert one.take() is None


def test_enough_ends_the_measurement(make_supply: Callable[..., Supply]) -> None:
    one = make_supply(20, requests=20)
    taken = one.take()
    assert taken is not None
    one.enough()

    assert one.take() is None
    assert not one.is_over, "one is under way"
    one.ended(taken)
    assert one.is_over


def test_the_end_of_the_requests_is_the_end(make_supply: Callable[..., Supply]) -> None:
    one = make_supply(3, requests=100)

    assert phases(all_taken(one)) == "mmm"
    assert one.is_over


def test_a_request_that_continues_another_is_taken_by_who_has_that(
    make_supply: Callable[..., Supply],
) -> None:
    one = make_supply(6, turns=3, requests=6)
    first, second = one.take(), one.take()
    assert first is not None
    assert second is not None
    assert (first.number, second.number) == (0, 3)
    assert one.take() is None

    followed = []
    follower: Taken | None = first
    while follower is not None:
        one.ended(follower)
        followed.append(follower.number)
        follower = one.following(follower)

    assert followed == [0, 1, 2]
    assert not one.is_over


def test_a_supply_waits_for_what_is_still_being_made(
    tmp_path: Path, make_plan: Callable[..., LoadPlan]
) -> None:
    writer = PlannedWriter(tmp_path)
    one = Supply(make_plan(requests=2), PlannedReader(tmp_path))
    assert one.take() is None
    assert one.is_waiting()

    writer.append([PlannedRequest(body=b"{}")])
    assert not one.is_waiting()
    taken = one.take()
    assert taken is not None
    one.ended(taken)
    assert one.is_waiting()
    assert not one.is_over

    writer.end()
    assert one.take() is None
    assert not one.is_waiting()
