from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_npuperf.capacity import End, Step, Sweep, next_value

SWEEP = Sweep("rate", (1, 2, 4))
Steps = Callable[..., Step]


def test_all_values_are_measured_in_their_order(make_step: Steps) -> None:
    steps: list[Step] = []
    while not isinstance(value := next_value(SWEEP, steps), End):
        steps.append(make_step(value))
    assert [step.load for step in steps] == [1, 2, 4]
    assert value == End("all_measured")


def test_broken_budgets_do_not_end_it(make_step: Steps) -> None:
    assert next_value(SWEEP, [make_step(1, kept=False)]) == 2


@pytest.mark.parametrize("how", ["saturated", "aborted"])
def test_a_step_that_was_ended_early_ends_it(make_step: Steps, how: Any) -> None:
    assert next_value(SWEEP, [make_step(1, ended_early=how)]) == End(how)


def test_a_client_that_was_the_bottleneck_ends_it(make_step: Steps) -> None:
    assert next_value(SWEEP, [make_step(1, client_bound=True)]) == End("client_bound")
