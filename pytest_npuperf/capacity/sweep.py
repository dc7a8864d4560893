"""Which load a sweep measures next."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_npuperf.capacity.exploration import End, Step
from pytest_npuperf.capacity.settings import Sweep

__all__ = ["next_value"]


def next_value(sweep: Sweep, steps: Sequence[Step]) -> float | End:
    """The value after those measured, or why there is none.

    What the server, or the client, cannot bear at one load it does not bear at a larger one.
    """
    if steps and steps[-1].client_bound:
        return End("client_bound")
    if steps and steps[-1].ended_early:
        return End(steps[-1].ended_early)
    if len(steps) == len(sweep.values):
        return End("all_measured")
    return sweep.values[len(steps)]
