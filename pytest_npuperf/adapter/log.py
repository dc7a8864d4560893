"""Reading the end of a log that another process writes."""

from __future__ import annotations

import os
import re
from pathlib import Path

__all__ = ["hide", "tail", "tail_text", "with_last_line"]

_READ_BYTES = 64 * 1024
_CONTROL_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


def tail(log: Path, lines: int = 40) -> list[str]:
    """The last lines that are not blank, as a terminal would show them.

    Control sequences are taken out; of a progress bar the last state is kept. A log that
    does not exist is empty.
    """
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _READ_BYTES))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    shown = (line.rstrip().rpartition("\r")[2] for line in _CONTROL_SEQUENCE.sub("", text).split("\n"))
    return [line for line in shown if line.strip()][-lines:]


def with_last_line(text: str, log: Path, width: int = 120) -> str:
    """A progress text, followed by the last line of the log, cut to width characters, where there is one."""
    found = tail(log, 1)
    return f"{text}, last log line: {found[0].strip()[:width]}" if found else text


def tail_text(log: Path, lines: int = 40) -> str:
    """The end of the log as a paragraph for an error text."""
    found = tail(log, lines)
    if not found:
        return f"{log} is empty."
    return "\n".join([f"The last lines of {log}:", *(f"  {line}" for line in found)])


def hide(text: str, secret: str | None) -> str:
    """The text with every occurrence of the secret replaced."""
    return text.replace(secret, "***") if secret else text
