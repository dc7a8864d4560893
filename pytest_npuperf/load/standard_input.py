"""A worker's standard input: single bytes tell it what to do, the end says that its starter is gone."""

from __future__ import annotations

import os
import select

__all__ = ["END", "ENOUGH", "SNAPSHOT", "hear", "is_abandoned", "is_told"]

END = b"."
"""Come to the end: the generator at once, the decoder when it has read everything."""
ENOUGH = b"e"
"""To the generator: send nothing more that is measured."""
SNAPSHOT = b"s"
"""To the decoder: write the trace so far."""


def is_told(timeout: float) -> bool:
    """Whether there is a word, or the end, within so many seconds."""
    return bool(select.select([0], [], [], timeout)[0])


def hear() -> bytes:
    """The next word, END where standard input has ended; there has to be one."""
    return os.read(0, 1) or END


def is_abandoned() -> bool:
    """Whether standard input has ended. Takes what words there are."""
    return is_told(0) and not os.read(0, 1024)
