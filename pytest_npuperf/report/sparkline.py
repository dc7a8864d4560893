"""A distribution as a word of block characters."""

from __future__ import annotations

import codecs
from collections.abc import Mapping

import numpy as np

from pytest_npuperf.metrics.requests import Floats

__all__ = ["can_show_sparklines", "sparkline"]

_BLOCKS = "▁▂▃▄▅▆▇█"
_STEPS = 16
_CI_VARIABLES = ("CI", "BUILD_NUMBER")
"""Those by which pytest itself tells that a CI system runs it."""


def sparkline(values: Floats) -> str:
    """How many of the values lie in each of 16 equal steps from the smallest to the largest.

    The fullest step has the full block. A step without a value is a space, and one with any, however
    few, has the lowest block at least, so that no outlier is lost. One block where all values are the
    same; '' where there is none.
    """
    if not len(values):
        return ""
    low, high = values.min(), values.max()
    if low == high:
        return _BLOCKS[-1]
    steps = ((values - low) / (high - low) * _STEPS).astype(np.intp).clip(max=_STEPS - 1)
    counts = np.bincount(steps, minlength=_STEPS)
    heights = np.ceil(counts / counts.max() * len(_BLOCKS)).astype(int).tolist()
    return "".join(f" {_BLOCKS}"[height] for height in heights)


def can_show_sparklines(*, is_terminal: bool, encoding: str | None, environ: Mapping[str, str]) -> bool:
    """Whether an output shows block characters to a person.

    Args:
        is_terminal: Whether it is a terminal. That of a CI system is a log all the same.
        encoding: Of the output; None where it is not known.
        environ: The process's environment, by which CI systems say what they are.
    """
    if not is_terminal or encoding is None or any(environ.get(name) for name in _CI_VARIABLES):
        return False
    return codecs.lookup(encoding).name == "utf-8"
