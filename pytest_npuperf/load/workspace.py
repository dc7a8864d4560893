"""The files through which pytest's process, the load generator and the decoder talk."""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path

import msgspec

from pytest_npuperf.load.plan import LoadPlan

__all__ = ["API_KEY_VARIABLE", "REPLIES", "SNAPSHOT", "TRACE", "Board", "read_plan", "write_plan"]

API_KEY_VARIABLE = "NPUPERF_GENERATOR_API_KEY"
"""How the API key reaches the generator: it must not stand in a file or on a command line."""

TRACE = "trace"
"""The directory that the decoder writes at the end."""

SNAPSHOT = "snapshot"
"""The directory that the decoder writes in between, when it is asked."""

REPLIES = "replies"
"""The pipe by which the decoder gives answers to the generator, for the requests that repeat them."""


def write_plan(directory: Path, plan: LoadPlan) -> None:
    """Write the plan into an empty directory; its requests come beside it (``load.feed``)."""
    (directory / "plan.json").write_bytes(msgspec.json.encode(plan))
    if plan.conversations:
        os.mkfifo(directory / REPLIES)


def read_plan(directory: Path) -> LoadPlan:
    """The plan in a directory."""
    return msgspec.json.decode((directory / "plan.json").read_bytes(), type=LoadPlan)


class Board:
    """A row of integers in memory that two processes see: one sets them, the other looks.

    The load loop must neither write to a pipe nor format text, so this is how it tells where it is.
    """

    def __init__(self, path: Path, size: int) -> None:
        self._struct = struct.Struct(f"<{size}q")
        if not path.exists():
            path.write_bytes(bytes(self._struct.size))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), self._struct.size)

    def set(self, *values: int) -> None:
        """Set all of them."""
        self._struct.pack_into(self._map, 0, *values)

    def get(self) -> tuple[int, ...]:
        """What was last set; zeros before."""
        return self._struct.unpack_from(self._map)

    def close(self) -> None:
        """Give the mapping back."""
        self._map.close()
