"""How ``deploy.sh`` is run."""

from __future__ import annotations

import os
import re
from pathlib import Path

__all__ = ["script_command"]


def script_command(script: Path) -> list[str]:
    """The command that runs a script by its first line, or else by ``sh``; it needs no execute bit.

    The rules of the kernel: an interpreter and at most one argument, which is all the rest of the line.
    """
    with script.open("rb") as file:
        first = file.readline()
    words = re.split("[ \t]+", os.fsdecode(first[2:]).strip(" \t\n"), maxsplit=1)
    if not first.startswith(b"#!") or not words[0]:
        return ["sh", str(script)]
    return [*words, str(script)]
