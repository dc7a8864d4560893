from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pytest_npuperf.load.plan import LoadPlan
from pytest_npuperf.load.workspace import Board, read_plan, write_plan
from pytest_npuperf.wire.timeouts import Timeouts


def test_a_plan_comes_back_as_it_was_written(tmp_path: Path, make_plan: Callable[..., LoadPlan]) -> None:
    plan = make_plan(
        "https://[::1]:8443/x", requests=7, warmup=2, concurrency=3, timeouts=Timeouts(total=1.5)
    )

    write_plan(tmp_path, plan)

    assert read_plan(tmp_path) == plan


def test_a_board_begins_at_zero_and_is_seen_by_another_mapping(tmp_path: Path) -> None:
    theirs, ours = Board(tmp_path / "board", 3), Board(tmp_path / "board", 3)
    assert ours.get() == (0, 0, 0)

    theirs.set(2**60, 5, -1)

    assert ours.get() == (2**60, 5, -1)
    theirs.close()
    ours.close()
