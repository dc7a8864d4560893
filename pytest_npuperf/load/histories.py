"""What was said before, for the requests that continue a conversation."""

from __future__ import annotations

import asyncio
import os
import struct
from pathlib import Path

from pytest_npuperf.load.supply import Taken
from pytest_npuperf.load.workspace import REPLIES

__all__ = ["Histories", "ReplyWriter"]

_FRAME = struct.Struct("=qq")
_READ_SIZE = 65536


class Histories:
    """The generator's side: earlier messages as JSON, and the answers that the decoder reads for it."""

    def __init__(self, directory: Path) -> None:
        self._loop = asyncio.get_running_loop()
        self._fd = os.open(directory / REPLIES, os.O_RDONLY | os.O_NONBLOCK)
        self._loop.add_reader(self._fd, self._on_readable)
        self._received = bytearray()
        self._replies: dict[int, asyncio.Future[bytes]] = {}
        self._earlier: dict[int, bytes] = {}
        """Request -> the messages that go before its own, without brackets."""

    def into(self, body: bytes, taken: Taken) -> bytes:
        """The body with the earlier messages before its own."""
        earlier = self._earlier.pop(taken.number, b"")
        start = taken.row.messages_start
        return b"".join((body[:start], earlier, b"," if earlier else b"", body[start:]))

    async def keep(self, body: bytes, taken: Taken) -> None:
        """Wait for the answer to a request and keep both for the one that continues it.

        A request that failed is left out, as if nobody had said it.
        """
        reply = self._replies[taken.number] = self._loop.create_future()
        content = await reply
        row = taken.row
        own_bytes = row.messages_end - row.messages_start
        added = len(body) - (row.body_end - row.body_start)
        said = body[row.messages_start : row.messages_start + added + own_bytes]
        if content:
            answer = b'{"role":"assistant","content":%b}' % content
            self._earlier[taken.number + 1] = b"%b,%b" % (said, answer)
        else:
            self._earlier[taken.number + 1] = said[: max(added - 1, 0)]

    def close(self) -> None:
        """Take no more answers."""
        self._loop.remove_reader(self._fd)
        os.close(self._fd)

    def _on_readable(self) -> None:
        data = os.read(self._fd, _READ_SIZE)
        if not data:  # the decoder is gone
            self._loop.remove_reader(self._fd)
        self._received += data
        while len(self._received) >= _FRAME.size:
            number, size = _FRAME.unpack_from(self._received)
            if len(self._received) < _FRAME.size + size:
                return
            content = bytes(self._received[_FRAME.size : _FRAME.size + size])
            del self._received[: _FRAME.size + size]
            reply = self._replies.pop(number)
            if not reply.done():
                reply.set_result(content)


class ReplyWriter:
    """The decoder's side."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / REPLIES
        self._fd = -1

    def write(self, number: int, content: bytes) -> None:
        """Hand an answer over, as a JSON string; b'' where the request failed."""
        if self._fd < 0:
            self._fd = os.open(self._path, os.O_WRONLY)
        frame = memoryview(_FRAME.pack(number, len(content)) + content)
        try:
            while frame:
                frame = frame[os.write(self._fd, frame) :]
        except BrokenPipeError:  # the generator has ended: nothing continues this
            pass
