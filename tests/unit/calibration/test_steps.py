from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_npuperf.calibration.processors import Processors
from pytest_npuperf.calibration.settings import CalibrationSettings
from pytest_npuperf.calibration.step import Step
from pytest_npuperf.calibration.steps import Calibration, run_until_full

MakeStep = Callable[..., Step]


def calibration(*steps: Step) -> Calibration:
    return Calibration(CalibrationSettings(), Processors(0, 1), steps)


def test_steps_are_run_until_one_is_not_clean_twice(make_step: MakeStep) -> None:
    asked: list[int] = []

    def measured(streams: int) -> Step:
        asked.append(streams)
        return make_step(streams, state="suspect" if streams == 256 else "ok")

    steps = run_until_full([64, 128, 256, 512], measured)

    assert asked == [64, 128, 256, 256]
    assert [step.streams for step in steps] == [64, 128, 256]


def test_a_step_that_is_clean_the_second_time_is_clean(make_step: MakeStep) -> None:
    results = iter([make_step(64, state="invalid"), make_step(64), make_step(128)])

    steps = run_until_full([64, 128], lambda _: next(results))

    assert [(step.streams, step.is_clean) for step in steps] == [(64, True), (128, True)]


def test_the_capacity_is_that_of_the_last_step_that_was_clean(make_step: MakeStep) -> None:
    found = calibration(make_step(64), make_step(128, state="suspect", reasons=("it was late",)))

    assert found.capacity == 6336
    assert not found.is_lower_bound
    assert found.limit == "at 128 streams the client is suspect: it was late"


def test_a_full_simulator_gives_a_lower_bound_and_is_not_held_against_the_client(make_step: MakeStep) -> None:
    found = calibration(make_step(64), make_step(128, server_is_full=True, state="invalid"))

    assert found.capacity == 6336
    assert found.is_lower_bound
    assert found.limit == "at 128 streams the simulator is full: it sends its chunks late"


def test_where_no_step_reached_a_limit_the_capacity_is_a_lower_bound(make_step: MakeStep) -> None:
    found = calibration(make_step(64), make_step(128))

    assert (found.capacity, found.is_lower_bound, found.limit) == (12672, True, "")


def test_requests_that_failed_end_it(make_step: MakeStep) -> None:
    found = calibration(make_step(64, failures={"broken": 2}))

    assert (found.capacity, found.is_lower_bound) == (None, False)
    assert found.limit == "at 64 streams requests failed: {'broken': 2}"


@pytest.mark.parametrize(
    ("special", "clean"),
    [
        ({}, True),
        ({"state": "suspect"}, False),
        ({"server_is_full": True}, False),
        ({"failures": {"x": 1}}, False),
    ],
)
def test_a_step_is_clean_where_neither_side_was_at_its_limit(
    make_step: MakeStep, special: dict[str, object], clean: bool
) -> None:
    assert make_step(1, **special).is_clean is clean
