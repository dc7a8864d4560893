"""HTTP/1.1 on one connection: requests in, responses out, one after the other."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from time import monotonic_ns
from typing import Protocol, cast

import httptools

__all__ = [
    "LAST_CHUNK",
    "Exchange",
    "Headers",
    "HttpConnection",
    "Request",
    "body_chunk",
    "stream_head",
    "whole_response",
]

Headers = tuple[tuple[str, str], ...]

LAST_CHUNK = b"0\r\n\r\n"
"""Ends a body in chunked framing."""


def whole_response(status: HTTPStatus, body: bytes, headers: Headers = ()) -> bytes:
    """A response with a JSON body, or none where it is empty."""
    content: Headers = (("content-length", str(len(body))),)
    if body:
        content += (("content-type", "application/json"),)
    return _head(status, content + headers) + body


def stream_head(headers: Headers) -> bytes:
    """The head of an event stream in chunked framing."""
    content = (("content-type", "text/event-stream; charset=utf-8"), ("transfer-encoding", "chunked"))
    return _head(HTTPStatus.OK, content + headers)


def body_chunk(data: bytes) -> bytes:
    """Data in HTTP/1.1's chunked framing."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def _head(status: HTTPStatus, headers: Headers) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\nserver: npuperf-simulator\r\n{lines}\r\n"
    return head.encode("latin-1")


@dataclass(slots=True)
class Request:
    """One HTTP request, filled while it is read."""

    method: str = ""
    path: str = ""
    query: str = ""
    version: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    """Names in lower case; of a repeated header the last."""
    body: bytearray = field(default_factory=bytearray)
    keep_alive: bool = True

    @property
    def response_headers(self) -> Headers:
        """What every response to it must say about the connection."""
        return () if self.keep_alive else (("connection", "close"),)


class Exchange(Protocol):
    """An answer that takes longer than the call that began it."""

    def resumed(self) -> None:
        """The connection takes bytes again."""

    def lost(self) -> None:
        """The connection is gone."""


class HttpConnection(asyncio.Protocol):
    """One client.

    ``handle(connection, request, t_received)`` is called for each request, the next only
    after the one before was finished. ``t_received`` is the stamp of the read that brought
    the end of the request, or of the end of the answer before it where it was sent ahead.
    """

    def __init__(
        self,
        handle: Callable[[HttpConnection, Request, int], None],
        connections: set[HttpConnection],
    ) -> None:
        self.paused = False
        """The client does not read: what is written now would pile up."""
        self.exchange: Exchange | None = None
        """Set by ``handle`` where its answer goes on."""
        self.gone = asyncio.Event()
        """The connection is closed, by whichever side."""
        self._handle = handle
        self._connections = connections
        self._parser = httptools.HttpRequestParser(self)
        self._reading = Request()
        self._url = b""
        self._waiting: deque[Request] = deque()
        self._current: Request | None = None
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport

    # What a handler calls.

    def write(self, data: bytes) -> None:
        """Writes bytes of the response, at once where the kernel takes them."""
        self._transport.write(data)

    def finish(self) -> None:
        """Ends the answer, whose bytes are written, and turns to the next request."""
        keep_alive = self._current is not None and self._current.keep_alive
        self.exchange = self._current = None
        if not keep_alive:
            self.close()
        elif self._waiting:
            # Not called from here: a thousand pipelined requests would be as many calls deep.
            self._loop.call_soon(self._begin_next)

    def close(self) -> None:
        """Closes once the written bytes are out; an answer that goes on ends here."""
        self.exchange = None
        self._waiting.clear()
        self._transport.close()

    def abort(self) -> None:
        """Closes at once."""
        self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:  # noqa: D102
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        # uvloop up to 0.22 else collects writes until the end of its turn: stamps would be early.
        self._transport.set_write_buffer_limits(high=0)
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:  # noqa: D102
        t_read = monotonic_ns()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # A server may ignore the header and answer in HTTP/1.1 (RFC 9110, 7.8).
        except httptools.HttpParserError:
            self._refuse()
        self._begin_next(t_read)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002, D102
        self._connections.discard(self)
        self.gone.set()
        self._waiting.clear()
        if self.exchange is not None:
            self.exchange.lost()

    def pause_writing(self) -> None:  # noqa: D102
        self.paused = True

    def resume_writing(self) -> None:  # noqa: D102
        self.paused = False
        if self.exchange is not None:
            self.exchange.resumed()

    # What the parser calls.

    def on_url(self, url: bytes) -> None:  # noqa: D102
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:  # noqa: D102
        self._reading.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:  # noqa: D102
        request, url = self._reading, httptools.parse_url(self._url)
        request.method = self._parser.get_method().decode("latin-1")
        request.path = (url.path or b"/").decode("latin-1")
        request.query = (url.query or b"").decode("latin-1")
        request.version = self._parser.get_http_version()
        request.keep_alive = self._parser.should_keep_alive() and not self._parser.should_upgrade()
        idle = self._current is None and not self._waiting
        if idle and request.headers.get("expect", "").lower() == "100-continue":
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:  # noqa: D102
        self._reading.body += body

    def on_message_complete(self) -> None:  # noqa: D102
        self._waiting.append(self._reading)
        self._reading, self._url = Request(), b""

    def _begin_next(self, t_received: int | None = None) -> None:
        if self._current is None and self._waiting:
            self._current = self._waiting.popleft()
            self._handle(self, self._current, t_received or monotonic_ns())

    def _refuse(self) -> None:
        """Closes a connection that does not speak HTTP, after what it asked for before."""
        last = self._waiting[-1] if self._waiting else self._current
        if last is not None:
            last.keep_alive = False
        else:
            self.write(whole_response(HTTPStatus.BAD_REQUEST, b"", (("connection", "close"),)))
            self.close()
