"""Table cells: a figure as AISBench prints it."""

from __future__ import annotations

__all__ = ["EMPTY", "cell", "milliseconds"]

EMPTY = "-"
"""Stands for a figure that could not be formed."""


def cell(value: float | None, unit: str = "") -> str:
    """The value rounded to four decimals and printed shortest, then its unit.

    The value is in ``unit`` already: rounding comes last, or digits are lost.
    """
    if value is None:
        return EMPTY
    number = str(round(value, 4))
    return f"{number} {unit}" if unit else number


def milliseconds(seconds: float | None) -> str:
    """The cell of a duration: ``50.332 ms`` for 0.050332."""
    return cell(None if seconds is None else seconds * 1000, "ms")
