"""Checks of settings that several datasets have."""

from __future__ import annotations

import math

from pytest_npuperf.errors import CaseError

__all__ = ["check_count", "check_number"]


def check_count(name: str, value: object, *, at_least: int) -> None:
    """Raise CaseError unless ``value`` is a whole number of at least ``at_least``."""
    if isinstance(value, bool) or not isinstance(value, int) or value < at_least:
        raise CaseError(f"dataset: {name} is {value!r}, but must be a whole number of at least {at_least}")


def check_number(name: str, value: object, *, positive: bool = False) -> None:
    """Raise CaseError unless ``value`` is a finite number of at least 0, or above 0."""
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
        fits = False
    else:
        fits = value > 0 if positive else value >= 0
    if not fits:
        allowed = "a number above 0" if positive else "a number of at least 0"
        raise CaseError(f"dataset: {name} is {value!r}, but must be {allowed}")
