"""The requests of a plan on their way to the load generator: segments of rows and bodies, written once.

They are written some way ahead of the load, so a plan need not know its own length, and a body is
mapped: only those in use take memory.
"""

from __future__ import annotations

import mmap
import struct
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pytest_npuperf.load.plan import PlannedRequest
from pytest_npuperf.unknown import UNKNOWN

__all__ = ["PlannedReader", "PlannedWriter", "Row"]

_NS_PER_S = 1_000_000_000


class Row(NamedTuple):
    """What is known of a planned request beside its body; times in ns."""

    body_start: int
    body_end: int
    offset: int
    """UNKNOWN: as soon as a client is free."""
    continues: int
    followed: int
    """1 where the next request continues this one."""
    messages_start: int
    messages_end: int
    think_time: int
    turn: int
    conversation: int
    asked_input_tokens: int
    asked_output_tokens: int
    cancel_after: int
    cancel_after_tokens: int


_ROW = struct.Struct(f"={len(Row._fields)}q")


class PlannedWriter:
    """Appends segments to a directory; ``end`` says that there are no more."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._segment = 0

    def append(self, requests: Sequence[PlannedRequest]) -> None:
        """Write a segment; the next one does not begin with a request that continues another."""
        rows, position = bytearray(), 0
        following = [*(request.continues for request in requests[1:]), False]
        with _bodies(self._directory, self._segment).open("wb") as file:
            for request, is_followed in zip(requests, following, strict=True):
                file.write(request.body)
                end = position + len(request.body)
                rows += _ROW.pack(*_row(request, position, end, is_followed))
                position = end
        self._publish(rows)

    def end(self) -> None:
        """Nothing comes after this."""
        self._publish(b"")

    def _publish(self, rows: bytes | bytearray) -> None:
        # under another name until it is whole
        unfinished = self._directory / "rows.unfinished"
        unfinished.write_bytes(rows)
        unfinished.rename(_rows(self._directory, self._segment))
        self._segment += 1


class PlannedReader:
    """Reads planned requests by their number, while more are being written."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._firsts: list[int] = []
        self._segments: list[tuple[bytes, mmap.mmap]] = []
        self.known = 0
        """How many requests have been seen to be there."""
        self.complete = False
        """Whether there are no more than those."""

    def look(self) -> None:
        """Take in the segments that have come."""
        while not self.complete:
            path = _rows(self._directory, len(self._segments))
            if not path.exists():
                return
            rows = path.read_bytes()
            if not rows:
                self.complete = True
                return
            with _bodies(self._directory, len(self._segments)).open("rb") as file:
                self._segments.append((rows, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))
            self._firsts.append(self.known)
            self.known += len(rows) // _ROW.size

    def row(self, number: int) -> Row:
        """The row of a known request."""
        segment = bisect_right(self._firsts, number) - 1
        rows, _ = self._segments[segment]
        return Row(*_ROW.unpack_from(rows, (number - self._firsts[segment]) * _ROW.size))

    def body(self, number: int, row: Row) -> bytes:
        """The body of a known request."""
        _, bodies = self._segments[bisect_right(self._firsts, number) - 1]
        return bodies[row.body_start : row.body_end]


def _row(request: PlannedRequest, start: int, end: int, followed: bool) -> Row:
    return Row(
        body_start=start,
        body_end=end,
        offset=UNKNOWN if request.offset is None else request.offset,
        continues=request.continues,
        followed=followed,
        messages_start=request.messages[0],
        messages_end=request.messages[1],
        think_time=round(request.think_time * _NS_PER_S),
        turn=request.turn,
        conversation=request.conversation,
        asked_input_tokens=request.asked_input_tokens,
        asked_output_tokens=request.asked_output_tokens,
        cancel_after=request.cancel_after,
        cancel_after_tokens=request.cancel_after_tokens,
    )


def _rows(directory: Path, segment: int) -> Path:
    return directory / f"requests-{segment:06}.rows"


def _bodies(directory: Path, segment: int) -> Path:
    return directory / f"requests-{segment:06}.bodies"
