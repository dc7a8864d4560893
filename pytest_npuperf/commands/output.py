"""Standard output of the commands: what it can show, and in which colours."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from typing import TextIO

from pytest_npuperf.text import printable

__all__ = ["GREEN", "RED", "has_colours", "warn", "write_lines"]

GREEN, RED = "32", "31"
"""Colours of ``write_lines``."""


def write_lines(lines: Iterable[str], colour: str | None = None) -> None:
    """Write lines to standard output, all in one colour where there is one, a code of this module.

    Control characters, and what standard output cannot hold, stand as their escapes.
    """
    encoding = sys.stdout.encoding or "utf-8"
    for line in lines:
        shown = printable(line).encode(encoding, "backslashreplace").decode(encoding)
        sys.stdout.write((shown if colour is None else f"\x1b[{colour}m{shown}\x1b[0m") + "\n")
    sys.stdout.flush()


def warn(text: str) -> None:
    """Say on standard error what is no reason to stop."""
    sys.stderr.write(f"npuperf: {printable(text)}\n")
    sys.stderr.flush()


def has_colours(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a stream is a terminal whose user wants colours (https://no-color.org)."""
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
