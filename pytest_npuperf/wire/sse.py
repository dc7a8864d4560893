"""Server-sent events, to the letter of the WHATWG specification, section 9.2.

A pure function over the bytes of one response: it finds the events and where each became
complete, which is what a receive stamp is looked up with.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

__all__ = ["events"]

_BOM = b"\xef\xbb\xbf"
_LINE = re.compile(rb"([^\r\n]*)(\r\n|\n|\r)")


def events(body: bytes | bytearray) -> Iterator[tuple[int, bytes]]:
    """The data of each event with the number of bytes after which it was complete.

    Lines end in LF, CRLF or CR. Comments and the fields event, id and retry are passed over, as
    are events without a data line. Several data lines are joined by LF. An event that the end
    of the body cuts short is dropped, as the specification asks.
    """
    body = bytes(body)
    lines = body.split(b"\n\n")
    # as many LF as stand between the lines: then there is none in them
    if b"\r" not in body and body.count(b"\n") == 2 * (len(lines) - 1) and not body.startswith(_BOM):
        return _one_line_events(lines)
    return _any_events(body)


def _one_line_events(lines: Sequence[bytes]) -> Iterator[tuple[int, bytes]]:
    """What nearly all streams of nearly all servers are; the last line is what comes after the last event."""
    position = 0
    for line in lines[:-1]:
        position += len(line) + 2
        if line.startswith(b"data: "):
            yield position, line[6:]
        elif line.startswith(b"data:"):
            yield position, line[5:]
        elif line == b"data":
            yield position, b""


def _any_events(body: bytes) -> Iterator[tuple[int, bytes]]:
    position = len(_BOM) if body.startswith(_BOM) else 0
    while True:
        block = _block(body, position)
        if block is None:
            return
        complete, position, data = block
        if data:
            yield complete, b"\n".join(data)


def _block(body: bytes, position: int) -> tuple[int, int, list[bytes]] | None:
    """Lines up to the next blank one: where it is complete, where the next begins, its data lines."""
    data: list[bytes] = []
    while True:
        line = _LINE.match(body, position)
        if line is None:
            return None
        position = line.end()
        text = line[1]
        if not text:
            # A blank line's CR already completes the event; an LF after it may come later.
            return line.start(2) + 1, position, data
        name, _, value = text.partition(b":")
        if name == b"data":
            data.append(value.removeprefix(b" "))
