"""The part of benchmarks/README.md that a script writes."""

from __future__ import annotations

import platform
import shlex
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

__all__ = ["PAGE", "provenance", "replaced"]

PAGE = Path(__file__).with_name("README.md")


def replaced(page: str, part: str, content: str) -> str:
    """The page with new content between the markers of a part.

    Raises:
        ValueError: The page has no such part.
    """
    begin, end = f"<!-- {part}: written by the script -->", f"<!-- end of {part} -->"
    head, found, rest = page.partition(begin)
    _, closed, tail = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"the page has no part {part!r}: it needs the lines {begin!r} and {end!r}")
    return f"{head}{begin}\n{content}\n{end}{tail}"


def provenance(module: str, arguments: Sequence[str]) -> str:
    """When, from which commit, by which command and where, as a list in Markdown."""
    return "\n".join(
        (
            f"- date: {datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC",
            f"- commit: `{_commit()}`",
            f"- command: `{shlex.join(['python', '-m', module, *arguments])}`",
            f"- machine: {_machine()}",
        )
    )


def _commit() -> str:
    here = PAGE.parent
    commit = _git("rev-parse", "--short=12", "HEAD")
    # this page changes with every run that is written: it says nothing about the code
    changed = _git("status", "--porcelain", "--", str(here.parent), f":(exclude){PAGE}")
    return f"{commit}-dirty" if changed else commit


def _git(*arguments: str) -> str:
    command = ("git", "-C", str(PAGE.parent), *arguments)
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _machine() -> str:
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    name = names[0] if names else platform.machine()
    system = f"{platform.system()} {platform.release()}"
    return f"{len(names)} x {name}, {system}, Python {'.'.join(map(str, sys.version_info[:3]))}"
