"""A worker's standard input: a byte tells it to come to its end, the end says that its starter is gone."""

from __future__ import annotations

import os
import select

__all__ = ["is_abandoned", "is_told"]


def is_told(timeout: float) -> bool:
    """Whether there is a byte, or the end, within so many seconds."""
    return bool(select.select([0], [], [], timeout)[0])


def is_abandoned() -> bool:
    """Whether standard input has ended. Takes the byte, if there is one."""
    return is_told(0) and not os.read(0, 1024)
