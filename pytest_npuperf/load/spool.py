"""The spool: how raw exchanges leave the process that stamps for the one that decodes.

A row of segment files, each read once and removed, so that neither side holds more than a
segment and the writer never waits for the reader.
"""

from __future__ import annotations

import os
import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_npuperf.wire.exchange import Exchange

__all__ = ["SpoolReader", "SpoolRecord", "SpoolWriter"]

# record length, request, measured, t_scheduled, t_sent, t_end, connect_ns, retries, unstamped, status,
# lengths of: failure, failure text, body, reads
_HEAD = struct.Struct("=10q4q")
_SEGMENT_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class SpoolRecord:
    """One request of the plan and its exchange."""

    request: int
    measured: bool
    t_scheduled: int
    exchange: Exchange


class SpoolWriter:
    """Appends records to the segments in a directory."""

    def __init__(self, directory: Path, segment_bytes: int = _SEGMENT_BYTES) -> None:
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._segment = 0
        self._open_segment()

    def append(self, request: int, t_scheduled: int, exchange: Exchange, *, measured: bool) -> None:
        """Hand one finished request over."""
        if self._written >= self._segment_bytes:
            self.close()
            self._segment += 1
            self._open_segment()
        failure, text = exchange.failure.encode(), exchange.failure_text.encode("utf-8", "replace")
        reads = memoryview(exchange.reads).cast("B")
        size = _HEAD.size + len(failure) + len(text) + len(exchange.body) + len(reads)
        head = _HEAD.pack(
            size,
            request,
            measured,
            t_scheduled,
            exchange.t_sent,
            exchange.t_end,
            exchange.connect_ns,
            exchange.retries,
            exchange.unstamped_reads,
            exchange.status,
            len(failure),
            len(text),
            len(exchange.body),
            len(reads),
        )
        self._written += size
        parts = (head, failure, text, exchange.body, reads)
        written = os.writev(self._file.fileno(), parts)
        if written < size:  # a write may be cut short
            rest = memoryview(b"".join(parts))[written:]
            while rest:
                rest = rest[self._file.write(rest) :]

    def close(self) -> None:
        """Close the current segment."""
        self._file.close()

    def _open_segment(self) -> None:
        # unbuffered: a record is whole in the file as soon as append returns
        self._file = _segment_path(self._directory, self._segment).open("wb", buffering=0)
        self._written = 0


class SpoolReader:
    """Reads records in the order they were written, while more are being written."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._segment = 0
        self._offset = 0

    def segments(self) -> int:
        """How many segments have not been read to their end."""
        number = self._segment
        while _segment_path(self._directory, number).exists():
            number += 1
        return number - self._segment

    def records(self) -> Iterator[SpoolRecord]:
        """The records that have become whole since the last call."""
        while True:
            path = _segment_path(self._directory, self._segment)
            following = _segment_path(self._directory, self._segment + 1)
            is_last = not following.exists()
            yield from self._segment_records(path)
            if is_last:
                return
            path.unlink()
            self._segment += 1
            self._offset = 0

    def _segment_records(self, path: Path) -> Iterator[SpoolRecord]:
        if not path.exists():
            return
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            while size - self._offset >= _HEAD.size:
                file.seek(self._offset)
                head = _HEAD.unpack(file.read(_HEAD.size))
                if size - self._offset < head[0]:
                    return
                rest = file.read(head[0] - _HEAD.size)
                self._offset += head[0]
                yield _record(head, rest)


def _record(head: tuple[int, ...], rest: bytes) -> SpoolRecord:
    _, request, measured, t_scheduled, t_sent, t_end, connect_ns, retries, unstamped, status, *sizes = head
    failure, text, body, reads = _cut(rest, sizes)
    exchange = Exchange(
        t_sent=t_sent,
        t_end=t_end,
        connect_ns=connect_ns,
        retries=retries,
        unstamped_reads=unstamped,
        status=status,
        failure=failure.decode(),
        failure_text=text.decode(),
        body=bytearray(body),
        reads=array("q", reads),
    )
    return SpoolRecord(request, bool(measured), t_scheduled, exchange)


def _cut(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    start = 0
    for size in sizes:
        yield data[start : start + size]
        start += size


def _segment_path(directory: Path, number: int) -> Path:
    return directory / f"spool-{number:06}"
