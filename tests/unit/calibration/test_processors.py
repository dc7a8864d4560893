from __future__ import annotations

import os

import pytest

from pytest_npuperf.calibration.processors import Processors, on_processor, pick_processors

affinity = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="there is no way to choose")


@affinity
@pytest.mark.parametrize(
    ("allowed", "picked"),
    [({3, 5, 7}, Processors(3, 5)), ({4, 2}, Processors(2, 4)), ({2}, Processors(None, None))],
)
def test_each_side_gets_a_processor_where_there_are_two(
    monkeypatch: pytest.MonkeyPatch, allowed: set[int], picked: Processors
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: allowed)

    assert pick_processors() == picked


def test_without_a_way_to_choose_neither_gets_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)

    assert pick_processors() == Processors(None, None)


@affinity
def test_what_is_started_inside_runs_on_the_processor() -> None:
    before = os.sched_getaffinity(0)
    one = min(before)

    with on_processor(one):
        assert os.sched_getaffinity(0) == {one}
    assert os.sched_getaffinity(0) == before
    with on_processor(None):
        assert os.sched_getaffinity(0) == before
