"""An ``httpx`` transport that is this wire: what others stream through it is measured."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from uuid import uuid4

import httpx
import msgspec

from pytest_npuperf.errors import CaseError
from pytest_npuperf.wire import failures, stamps
from pytest_npuperf.wire.connection import Connection
from pytest_npuperf.wire.endpoint import Endpoint
from pytest_npuperf.wire.exchange import Exchange
from pytest_npuperf.wire.loop_thread import LoopThread
from pytest_npuperf.wire.loop_watch import LoopWatch
from pytest_npuperf.wire.timeouts import Timeouts
from pytest_npuperf.wire.tls_settings import TlsSettings

__all__ = ["Recorded", "WireTransport"]

_CHAT_PATH = "/v1/chat/completions"
_UNLIMITED = float("inf")
_END_GRACE = 1.0
"""How long the end of a response may take to follow its last event."""
_REWRITTEN_HEADERS = (b"accept-encoding", b"content-length", b"transfer-encoding")

_ERRORS: dict[str, type[httpx.TransportError]] = {
    failures.CONNECT: httpx.ConnectError,
    failures.TIMEOUT_CONNECT: httpx.ConnectTimeout,
    failures.TIMEOUT_FIRST_CHUNK: httpx.ReadTimeout,
    failures.TIMEOUT_BETWEEN_CHUNKS: httpx.ReadTimeout,
    failures.BROKEN: httpx.RemoteProtocolError,
}


@dataclass(frozen=True, slots=True)
class Recorded:
    """A measured request whose response has ended, or failed."""

    request_id: str
    exchange: Exchange


class _Asked(msgspec.Struct):
    stream: bool | None = None


class WireTransport(httpx.AsyncBaseTransport):
    """Carries requests to the server under test and records the streamed chat completions among them.

    Those have connections in a thread of their own, opened as requests need them and kept for the
    next ones, so that it does not matter which event loop the caller has, nor how busy that is.
    Other requests go by a stock transport that keeps no connection.

    Raises:
        SettingsError: The base URL or the file of authorities is not valid.
        LoadError: The host name cannot be resolved.
    """

    def __init__(
        self, base_url: str, *, tls: TlsSettings = TlsSettings(), api_key: str | None = None
    ) -> None:
        self.recorded: list[Recorded] = []
        """In the order they ended."""
        self.sent = 0
        """Streamed chat completions begun; those that are not recorded were given up by the caller."""
        self.not_streamed = 0
        """Chat completions that were not asked for as a stream."""
        self._base_url = httpx.URL(base_url)
        self._endpoint = Endpoint.resolve(base_url, tls)
        self._api_key = api_key
        self._request_id_prefix = f"npuperf-{uuid4().hex[:12]}"
        self._stamping = stamps.hold_stamping_open()
        self._thread = LoopThread()
        self._watch = LoopWatch()
        self._connections: list[Connection] = []
        self._idle: list[Connection] = []
        self._stock = httpx.AsyncHTTPTransport(
            verify=self._endpoint.tls or False,
            trust_env=False,
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Called by httpx; the response comes as soon as its head is there.

        Raises:
            CaseError: The request is not for the server under test.
            httpx.TransportError: There is no response.
        """
        if _origin(request.url) != _origin(self._base_url):
            raise CaseError(
                f"npuperf_client was asked for {request.url}, but it sends to the server under test alone, "
                f"{self._base_url}; give that as the base URL of the package that uses it"
            )
        if self._api_key:
            request.headers.setdefault("Authorization", f"Bearer {self._api_key}")
        if request.method != "POST" or not request.url.path.endswith(_CHAT_PATH):
            return await self._stock.handle_async_request(request)
        if not _asks_for_stream(await request.aread()):
            self.not_streamed += 1
            return await self._stock.handle_async_request(request)
        return await self._measure(request)

    async def aclose(self) -> None:
        """Called by httpx when the client is closed."""
        self.close()

    def close(self) -> None:
        """Give up what is under way and close all connections; can be called again."""
        self._thread.close()
        for connection in self._connections:
            connection.close()
        self._stamping.close()

    async def _measure(self, request: httpx.Request) -> httpx.Response:
        self.sent += 1
        request_id = request.headers.setdefault("x-request-id", f"{self._request_id_prefix}-{self.sent}")
        answer = _Answer(request)
        answer.carried = self._thread.submit(
            self._carry(_payload(request), _timeouts(request), request_id, answer)
        )
        exchange = await answer.head()
        return httpx.Response(
            exchange.status,
            headers=exchange.headers,
            stream=answer,
            extensions={"http_version": b"HTTP/1.1"},
        )

    async def _carry(self, payload: bytes, timeouts: Timeouts, request_id: str, answer: _Answer) -> None:
        """In the thread: take the whole response in, at the server's pace and not at the caller's."""
        connection = self._connection()
        connection.timeouts = timeouts
        try:
            exchange = await connection.exchange(payload, follow=answer.on_read)
            self.recorded.append(Recorded(request_id, exchange))
            answer.on_read(exchange)
        finally:
            self._idle.append(connection)
            answer.on_end()

    def _connection(self) -> Connection:
        if not self._idle:
            self._idle.append(Connection(self._endpoint, Timeouts(), self._watch))
            self._connections += self._idle
        return self._idle.pop()


class _Answer(httpx.AsyncByteStream):
    """The response to one request, handed from the thread on to the caller's loop while it arrives."""

    carried: Future[None]
    """Done when nothing more will come."""

    def __init__(self, request: httpx.Request) -> None:
        self._request = request
        self._loop = asyncio.get_running_loop()
        self._progress = asyncio.Event()
        self._exchange: Exchange | None = None
        self._ended = False

    def on_read(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._tell()

    def on_end(self) -> None:
        self._ended = True
        self._tell()

    def _tell(self) -> None:
        with suppress(RuntimeError):  # who asked is gone, and his loop is closed
            self._loop.call_soon_threadsafe(self._progress.set)

    async def head(self) -> Exchange:
        """Wait until status and headers are there."""
        try:
            await self._progress.wait()
        except asyncio.CancelledError:
            self.carried.cancel()
            raise
        assert self._exchange is not None
        if not self._exchange.headers:
            self._raise_failure(self._exchange)
        return self._exchange

    async def __aiter__(self) -> AsyncIterator[bytes]:
        assert self._exchange is not None
        position = 0
        while True:
            self._progress.clear()
            ended = self._ended  # before the body: after it, its last piece could have been missed
            piece = bytes(self._exchange.body[position:])
            if piece:
                position += len(piece)
                yield piece
            elif ended:
                break
            else:
                await self._progress.wait()
        self._raise_failure(self._exchange)

    async def aclose(self) -> None:
        """Called by httpx; a response that has not ended is given up, and its connection with it."""
        try:
            # Some callers leave at the last event, a moment before the end of the body.
            if not self._ended and self._says_done():
                await asyncio.wait({asyncio.wrap_future(self.carried)}, timeout=_END_GRACE)
        finally:
            self.carried.cancel()

    def _says_done(self) -> bool:
        return self._exchange is not None and bytes(self._exchange.body[-16:]).rstrip().endswith(b"[DONE]")

    def _raise_failure(self, exchange: Exchange) -> None:
        if exchange.failure:
            raise _ERRORS[exchange.failure](exchange.failure_text, request=self._request)


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme)


def _asks_for_stream(body: bytes) -> bool:
    try:
        return msgspec.json.decode(body, type=_Asked).stream is True
    except msgspec.DecodeError:  # the server will say what is wrong with it
        return False


def _timeouts(request: httpx.Request) -> Timeouts:
    """The limits of httpx: none for a whole request, and one for all pauses in its response."""
    given = request.extensions.get("timeout", {})
    connect, read = (
        _UNLIMITED if given.get(name) is None else float(given[name]) for name in ("connect", "read")
    )
    return Timeouts(connect=connect, first_chunk=read, between_chunks=read, total=_UNLIMITED)


def _payload(request: httpx.Request) -> bytes:
    """The request as bytes, without compression: a compressed stream arrives in the compressor's blocks."""
    lines = [b"%b %b HTTP/1.1" % (request.method.encode(), request.url.raw_path)]
    lines += [
        b"%b: %b" % header for header in request.headers.raw if header[0].lower() not in _REWRITTEN_HEADERS
    ]
    lines += [b"Accept-Encoding: identity", b"Content-Length: %d" % len(request.content)]
    return b"\r\n".join([*lines, b"", request.content])
