"""Durations and shares as people write them."""

from __future__ import annotations

import re
from decimal import Decimal

__all__ = ["parse_duration", "parse_share"]

_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
_NUMBER = r"\s*(\d+(?:\.\d+)?|\.\d+)\s*"
_DURATION = re.compile(rf"{_NUMBER}([a-z]*)\s*")
_SHARE = re.compile(rf"{_NUMBER}(%?)\s*")


def parse_duration(value: object) -> float:
    """Seconds of ``10``, ``"500 ms"``, ``"30 min"``; a bare number is in seconds.

    Raises:
        ValueError: The value is not a positive duration.
    """
    match = _DURATION.fullmatch(str(value)) if not isinstance(value, bool) else None
    seconds = float(match[1]) * _UNITS.get(match[2] or "s", 0.0) if match else 0.0
    if seconds <= 0:
        raise ValueError(
            f"{value!r} is not a duration: allowed are a number of seconds above 0, "
            f"or a number with one of the units {', '.join(_UNITS)}"
        )
    return seconds


def parse_share(value: object) -> float:
    """The part of a whole, 0 to 1, that ``0.1`` or ``"10 %"`` stands for.

    Raises:
        ValueError: The value is not a share.
    """
    match = _SHARE.fullmatch(str(value)) if not isinstance(value, bool) else None
    # as decimals: 0.7 / 100 is not 0.007
    share = float(Decimal(match[1]) / (100 if match[2] else 1)) if match else -1.0
    if not 0 <= share <= 1:
        raise ValueError(
            f"{value!r} is not a share: allowed are a number from 0 to 1, or one from 0 % to 100 %"
        )
    return share
