"""Checks of settings that several datasets have."""

from __future__ import annotations

from pytest_npuperf.errors import CaseError

__all__ = ["check_count"]


def check_count(name: str, value: object, *, at_least: int) -> None:
    """Raise CaseError unless ``value`` is a whole number of at least ``at_least``."""
    if isinstance(value, bool) or not isinstance(value, int) or value < at_least:
        raise CaseError(f"dataset: {name} is {value!r}, but must be a whole number of at least {at_least}")
