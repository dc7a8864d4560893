"""The files through which pytest's process, the load generator and the decoder talk."""

from __future__ import annotations

import mmap
import struct
from array import array
from collections.abc import Iterable
from pathlib import Path

import msgspec

from pytest_npuperf.load.plan import LoadPlan

__all__ = ["API_KEY_VARIABLE", "TRACE", "Board", "Bodies", "read_plan", "write_plan"]

API_KEY_VARIABLE = "NPUPERF_GENERATOR_API_KEY"
"""How the API key reaches the generator: it must not stand in a file or on a command line."""

TRACE = "trace"
"""The directory that the decoder writes at the end."""


def write_plan(directory: Path, plan: LoadPlan, bodies: Iterable[bytes]) -> None:
    """Write the plan and its request bodies into an empty directory."""
    (directory / "plan.json").write_bytes(msgspec.json.encode(plan))
    ends = array("q", [0])
    with (directory / "bodies").open("wb") as file:
        for body in bodies:
            file.write(body)
            ends.append(ends[-1] + len(body))
    (directory / "body-ends").write_bytes(ends.tobytes())


def read_plan(directory: Path) -> LoadPlan:
    """The plan in a directory."""
    return msgspec.json.decode((directory / "plan.json").read_bytes(), type=LoadPlan)


class Bodies:
    """The request bodies of a plan, mapped: only those in use take memory."""

    def __init__(self, directory: Path) -> None:
        self._ends = array("q")
        self._ends.frombytes((directory / "body-ends").read_bytes())
        with (directory / "bodies").open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def __getitem__(self, number: int) -> bytes:
        return self._map[self._ends[number] : self._ends[number + 1]]


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
