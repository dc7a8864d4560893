"""One virtual client's connection: sends a request, stamps what comes back, decodes nothing."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable

import httptools

from pytest_npuperf.unknown import UNKNOWN
from pytest_npuperf.wire import failures, stamps
from pytest_npuperf.wire.endpoint import Endpoint
from pytest_npuperf.wire.exchange import Exchange, pack_read
from pytest_npuperf.wire.loop_watch import LoopWatch
from pytest_npuperf.wire.timeouts import Timeouts
from pytest_npuperf.wire.tls import TlsSession

__all__ = ["Connection"]

# Python allocates the whole buffer at each read: small reads cost less.
_READ_SIZE = 4096
_ANCILLARY_SIZE = stamps.ANCILLARY_SIZE


class Connection:
    """A keep-alive connection that carries one request at a time.

    ``exchange`` never raises for what the server or the network does: that is a failed
    request, and the exchange says so.
    """

    # Hundreds of these take turns in a processor's cache: slots are fewer lines of it than a dictionary.
    __slots__ = (
        "_arrival",
        "_bytes_seen",
        "_closed_before_any_byte",
        "_complete",
        "_endpoint",
        "_exchange",
        "_feed",
        "_finished",
        "_follow",
        "_framed",
        "_headers_complete",
        "_keep_alive",
        "_last_read",
        "_last_stamp",
        "_limit_timer",
        "_loop",
        "_parser",
        "_recvmsg",
        "_slept",
        "_socket",
        "_tls",
        "_unsent",
        "_watch",
        "on_body",
        "timeouts",
    )

    def __init__(self, endpoint: Endpoint, timeouts: Timeouts, watch: LoopWatch | None = None) -> None:
        self.timeouts = timeouts
        """Limits of the next request."""
        self._endpoint = endpoint
        self._watch = watch or LoopWatch()
        self._arrival, self._slept = self._watch.clock.arrival, self._watch.slept
        self._loop = asyncio.get_running_loop()
        self._socket: socket.socket | None = None
        self._tls: TlsSession | None = None
        self._unsent = memoryview(b"")
        self._exchange: Exchange | None = None
        self._follow: Callable[[Exchange], None] | None = None
        self._finished: asyncio.Future[None] | None = None

    async def exchange(self, payload: bytes, follow: Callable[[Exchange], None] | None = None) -> Exchange:
        """Send one whole HTTP request and take in its response.

        ``follow`` gets the unfinished exchange after each read, from the one that completes the
        response's head on; only then are the headers kept.
        """
        self._follow = follow
        retries = 0
        while True:
            exchange = Exchange(retries=retries)
            reused = self._socket is not None
            await self._open(exchange)
            if exchange.failure:
                return exchange
            await self._transact(exchange, payload)
            if not (reused and self._closed_before_any_byte):
                return exchange
            retries += 1

    def give_up(self, failure: str, text: str) -> None:
        """End the request that is under way, if one is, as the client's own doing."""
        if self._exchange is not None:
            self._fail(failure, text)

    def close(self) -> None:
        """Close the connection; a request on it stays unfinished."""
        if self._socket is not None:
            if not self._loop.is_closed():  # a kept connection can outlive its loop
                self._loop.remove_reader(self._socket)
                self._loop.remove_writer(self._socket)
            self._socket.close()
            self._socket = None

    async def open(self) -> None:
        """Open the connection ahead of the first request; a failure shows again, and counts, there."""
        await self._open(Exchange())

    async def _open(self, exchange: Exchange) -> None:
        if self._socket is not None:
            return
        start = time.monotonic_ns()
        sock = socket.socket(self._endpoint.family, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stamps.enable(sock)
        try:
            await asyncio.wait_for(self._connect(sock), self.timeouts.connect)
        except (OSError, asyncio.TimeoutError) as exc:
            sock.close()
            exchange.t_sent, exchange.t_end = start, time.monotonic_ns()
            timed_out = isinstance(exc, asyncio.TimeoutError)
            exchange.failure = failures.TIMEOUT_CONNECT if timed_out else failures.CONNECT
            exchange.failure_text = (
                f"no connection within {self.timeouts.connect:g} s" if timed_out else str(exc)
            )
            return
        except asyncio.CancelledError:
            sock.close()
            raise
        self._socket = sock
        self._recvmsg = sock.recvmsg
        self._loop.add_reader(sock, self._on_readable)
        exchange.connect_ns = time.monotonic_ns() - start

    async def _connect(self, sock: socket.socket) -> None:
        await self._loop.sock_connect(sock, self._endpoint.address)
        if self._endpoint.tls is not None:
            self._tls = TlsSession(self._endpoint.tls, self._endpoint.server_name)
            await self._tls.handshake(sock)

    async def _transact(self, exchange: Exchange, payload: bytes) -> None:
        assert self._socket is not None
        self._exchange = exchange
        self._finished = self._loop.create_future()
        # Called by httptools with each piece of the body, HTTP chunk framing taken off: nothing of Python's
        # own runs for it.
        self.on_body = exchange.body.extend
        self._parser = httptools.HttpResponseParser(self)
        self._feed = self._parser.feed_data
        self._bytes_seen = False
        self._framed = False
        self._headers_complete = False
        self._complete = False
        self._closed_before_any_byte = False
        data = self._tls.encrypt(payload) if self._tls else payload
        exchange.t_sent = self._last_read = self._last_stamp = time.monotonic_ns()
        self._unsent = memoryview(data)
        self._on_writable()
        self._watch.busy_until = time.monotonic_ns()
        self._check_limits()
        try:
            await self._finished
        except asyncio.CancelledError:
            self.close()
            raise
        finally:
            self._limit_timer.cancel()

    def _on_writable(self) -> None:
        assert self._socket is not None
        try:
            sent = self._socket.send(self._unsent)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            # Nothing more can be sent; what the server said before it left is still to be read.
            sent = len(self._unsent)
        self._unsent = self._unsent[sent:]
        if self._unsent:
            self._loop.add_writer(self._socket, self._on_writable)
        else:
            self._loop.remove_writer(self._socket)

    def _on_readable(self) -> None:
        recvmsg, arrival, was_asleep = self._recvmsg, self._arrival, self._slept
        try:
            data, ancillary, _, _ = recvmsg(_READ_SIZE, _ANCILLARY_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as exc:
            self._lost(str(exc))
            return
        stamp, lag, now = arrival(ancillary)
        slept = was_asleep(stamp, now)
        ended = "" if data else "the server closed the connection"
        if self._tls is not None and data:
            data, ended = self._tls.decrypt(data), self._tls.ended
        if data:
            self._take_in(data, stamp, lag, slept)
        if ended and self._socket is not None:
            self._lost(ended)

    def _take_in(self, data: bytes, stamp: int, lag: int, slept: bool) -> None:
        exchange = self._exchange
        if exchange is None:
            self._lost("the server sent what nobody had asked for")
            return
        # reads of one packet share its kernel stamp, and each maps it a little differently
        if stamp < self._last_stamp:
            stamp = self._last_stamp
        self._last_stamp = stamp
        self._last_read = stamp + lag if lag > 0 else stamp
        self._bytes_seen = True
        body, feed = exchange.body, self._feed
        known = len(body)
        malformed = ""
        try:
            feed(data)
        except httptools.HttpParserError as exc:
            malformed = f"not an HTTP/1.1 response: {exc}"
        if lag == UNKNOWN:
            exchange.unstamped_reads += 1
        end = len(body)
        if end > known:
            exchange.reads.frombytes(pack_read(end, stamp, lag, slept))
        if self._follow is not None and self._headers_complete:
            self._follow(exchange)
            if self._exchange is None:  # who follows has given it up
                return
        if self._complete:
            exchange.t_end = stamp
            self._finish(keep=self._keep_alive and not self._unsent and not malformed)
        elif malformed:
            self._fail(failures.BROKEN, malformed)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by httptools: whether the body has an end of its own."""
        assert self._exchange is not None
        self._framed = self._framed or name.lower() in (b"content-length", b"transfer-encoding")
        if self._follow is not None:
            self._exchange.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Called by httptools."""
        assert self._exchange is not None
        self._exchange.status = self._parser.get_status_code()
        self._headers_complete = self._exchange.status >= 200
        if not self._headers_complete:
            self._exchange.headers.clear()

    def on_message_complete(self) -> None:
        """Called by httptools at the end of the response, but also after 100 Continue."""
        assert self._exchange is not None
        self._complete = self._headers_complete
        # the parser forgets it right after this call
        self._keep_alive = self._parser.should_keep_alive()

    def _check_limits(self) -> None:
        exchange = self._exchange
        if exchange is None:
            return
        limits = self.timeouts
        pause = limits.between_chunks if self._bytes_seen else limits.first_chunk
        now = time.monotonic_ns()
        pause_left = self._last_read + pause * 1e9 - now
        total_left = exchange.t_sent + limits.total * 1e9 - now
        if total_left <= 0:
            self._fail(failures.TIMEOUT_TOTAL, f"not finished after {limits.total:g} s")
        elif pause_left <= 0 and self._bytes_seen:
            self._fail(failures.TIMEOUT_BETWEEN_CHUNKS, f"nothing for {pause:g} s")
        elif pause_left <= 0:
            self._fail(failures.TIMEOUT_FIRST_CHUNK, f"nothing within {pause:g} s of the request")
        # the first byte, which begins the limit between chunks, does not wake this up
        delay = min(pause_left, total_left, limits.between_chunks * 1e9) * 1e-9
        self._limit_timer = self._loop.call_later(max(delay, 0.001), self._check_limits)

    def _lost(self, reason: str) -> None:
        """The connection is gone: after a body without length that is its end."""
        exchange = self._exchange
        if exchange is None:
            self.close()
        elif self._headers_complete and not self._framed:
            exchange.t_end = self._last_stamp if exchange.reads else time.monotonic_ns()
            self._finish(keep=False)
        else:
            self._closed_before_any_byte = not self._bytes_seen
            self._fail(failures.BROKEN, reason)

    def _fail(self, kind: str, text: str) -> None:
        assert self._exchange is not None
        self._exchange.failure, self._exchange.failure_text = kind, text
        self._exchange.t_end = time.monotonic_ns()
        self._finish(keep=False)

    def _finish(self, *, keep: bool) -> None:
        self._exchange = None
        if not keep:
            self.close()
        if self._finished is not None and not self._finished.done():
            self._finished.set_result(None)
        self._watch.busy_until = time.monotonic_ns()
