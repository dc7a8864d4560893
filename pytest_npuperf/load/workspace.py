"""The files through which a pytest process and its load generator talk."""

from __future__ import annotations

import mmap
import struct
from array import array
from collections.abc import Iterable
from pathlib import Path

import msgspec

from pytest_npuperf.load.plan import LoadPlan

__all__ = ["API_KEY_VARIABLE", "Bodies", "Counters", "read_plan", "write_plan"]

API_KEY_VARIABLE = "NPUPERF_GENERATOR_API_KEY"
"""How the API key reaches the generator: it must not stand in a file or on a command line."""

_COUNTERS = struct.Struct("<3q")


def write_plan(directory: Path, plan: LoadPlan, bodies: Iterable[bytes]) -> None:
    """Write the plan and its request bodies into an empty directory."""
    (directory / "plan.json").write_bytes(msgspec.json.encode(plan))
    (directory / "counters").write_bytes(bytes(_COUNTERS.size))
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


class Counters:
    """How far the generator is, in memory that both processes see.

    The load loop must neither write to a pipe nor format text, so it sets three numbers.
    """

    def __init__(self, directory: Path) -> None:
        with (directory / "counters").open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _COUNTERS.size)

    def publish(self, *, measuring_since: int, sent: int, ended: int) -> None:
        """Set when measuring began (monotonic ns, 0 before), and measured requests sent and ended."""
        _COUNTERS.pack_into(self._map, 0, measuring_since, sent, ended)

    def read(self) -> tuple[int, int, int]:
        """What was last published."""
        measuring_since, sent, ended = _COUNTERS.unpack_from(self._map)
        return measuring_since, sent, ended

    def close(self) -> None:
        """Give the mapping back."""
        self._map.close()
