"""Standard output of the commands: what it can show, and in which colours."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from typing import TextIO

__all__ = ["GREEN", "RED", "coloured", "has_colours", "warn", "write_lines"]

GREEN, RED = "32", "31"
"""Codes of ``coloured``."""


def write_lines(lines: Iterable[str]) -> None:
    """Write lines to standard output; a character that it cannot hold stands as its escape."""
    encoding = sys.stdout.encoding or "utf-8"
    for line in lines:
        sys.stdout.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    sys.stdout.flush()


def warn(text: str) -> None:
    """Say on standard error what is no reason to stop."""
    sys.stderr.write(f"npuperf: {text}\n")
    sys.stderr.flush()


def has_colours(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a stream is a terminal whose user wants colours (https://no-color.org)."""
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def coloured(text: str, code: str) -> str:
    """The text in a colour of the terminal."""
    return f"\x1b[{code}m{text}\x1b[0m"
