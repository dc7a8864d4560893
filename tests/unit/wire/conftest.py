from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
from array import array
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, TypeVar

import pytest
import uvloop

from pytest_npuperf.wire import stamps
from pytest_npuperf.wire.endpoint import Endpoint
from pytest_npuperf.wire.exchange import Exchange

T = TypeVar("T")

_CAPTURES = Path(__file__).parents[2] / "captures"
# Self-signed for localhost, with its key, valid until 2120.
_CERTIFICATE = Path(__file__).parent / "certs" / "localhost.pem"
_WAIT = 30.0
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

Step = (
    bytes | float | Literal["request", "slow request", "read", "wait", "hold", "reset", "end of tls", "plain"]
)
"""Bytes to send, a pause in seconds, or: read a request; read it slowly; read once; wait for
``go``; wait until the client leaves; end with a reset; say that TLS ends; send without TLS from now on. After
its last step a connection is closed."""


class ScriptedServer:
    """A server that plays a script on each connection, in threads, so that it never waits for the client."""

    def __init__(self, scripts: Sequence[Sequence[Step]], *, tls: bool) -> None:
        self.requests: list[bytes] = []
        self.go = threading.Event()
        """Lets scripts pass their "wait"."""
        self._tls = _server_context() if tls else None
        self._scripts = scripts
        self._asked = threading.Event()
        self._done = [threading.Event() for _ in scripts]
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(_WAIT)
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept)
        self._acceptor.start()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://localhost:{self.port}"

    @property
    def endpoint(self) -> Endpoint:
        """As ``Endpoint.resolve`` makes it, but trusting the test's own certificate."""
        tls = ssl.create_default_context(cafile=_CERTIFICATE) if self._tls else None
        address = ("127.0.0.1", self.port)
        return Endpoint(
            f"localhost:{self.port}", "localhost", "/v1/chat/completions", socket.AF_INET, address, tls
        )

    async def asked(self) -> None:
        """Wait until a request has come."""
        assert await asyncio.to_thread(self._asked.wait, _WAIT)

    async def played(self, connection: int) -> None:
        """Wait until a connection's script is over and its socket closed."""
        assert await asyncio.to_thread(self._done[connection].wait, _WAIT)

    def close(self) -> None:
        self.go.set()
        # Closing a listening socket does not wake a thread that accepts on it; shutting it down does.
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in (self._acceptor, *self._threads):
            thread.join(_WAIT)
            assert not thread.is_alive()
        self._listener.close()

    def _accept(self) -> None:
        for script, done in zip(self._scripts, self._done, strict=True):
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._play, args=(sock, script, done))
            self._threads.append(thread)
            thread.start()

    def _play(self, sock: socket.socket, script: Sequence[Step], done: threading.Event) -> None:
        sock.settimeout(_WAIT)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True)
            for step in script:
                if step == "plain":
                    sock = socket.socket(fileno=sock.detach())
                    sock.settimeout(_WAIT)
                else:
                    self._step(sock, step)
        except OSError:
            pass  # the client left: what it saw is what the test looks at
        finally:
            sock.close()
            done.set()

    def _step(self, sock: socket.socket, step: Step) -> None:
        if isinstance(step, bytes):
            sock.sendall(step)
        elif isinstance(step, float):
            # a pause is part of what is served here, not a wait for something to happen
            threading.Event().wait(step)
        elif step == "request":
            self._took(_read_request(sock, pause=0))
        elif step == "slow request":
            self._took(_read_request(sock, pause=0.001))
        elif step == "read":
            sock.recv(65536)
        elif step == "wait":
            self.go.wait(_WAIT)
        elif step == "hold":
            while sock.recv(65536):
                pass
        elif step == "end of tls":
            assert isinstance(sock, ssl.SSLSocket)
            sock.settimeout(0.01)
            with suppress(OSError):
                sock.unwrap()  # the client says nothing in return
            sock.settimeout(_WAIT)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)

    def _took(self, request: bytes) -> None:
        self.requests.append(request)
        self._asked.set()


def _read_request(sock: socket.socket, *, pause: float) -> bytes:
    data = bytearray()
    needed = None
    while needed is None or len(data) < needed:
        piece = sock.recv(65536)
        if not piece:
            raise ConnectionResetError
        data += piece
        threading.Event().wait(pause)
        head, end, _ = bytes(data[:4096]).partition(b"\r\n\r\n")
        if needed is None and end:
            length = next(line for line in head.split(b"\r\n") if line.startswith(b"Content-Length: "))
            needed = len(head) + 4 + int(length.split()[1])
    return bytes(data)


def _server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_CERTIFICATE)
    return context


@pytest.fixture(scope="session")
def certificate() -> Path:
    """The file with the certificate of servers with TLS."""
    return _CERTIFICATE


@pytest.fixture
def serve() -> Iterator[Callable[..., ScriptedServer]]:
    """Starts a server that plays the given scripts, one a connection."""
    servers: list[ScriptedServer] = []

    def start(*scripts: Sequence[Step], tls: bool = False) -> ScriptedServer:
        servers.append(ScriptedServer(scripts, tls=tls))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Iterator[Callable[[Coroutine[Any, Any, T]], T]]:
    """Runs a coroutine in a loop of its own, of each kind, with the kernel stamping."""

    def run_in_new_loop(coroutine: Coroutine[Any, Any, T]) -> T:
        loop: asyncio.AbstractEventLoop = request.param()
        try:
            return loop.run_until_complete(coroutine)
        finally:
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    with stamps.hold_stamping_open():
        yield run_in_new_loop


@pytest.fixture(scope="session")
def capture() -> Callable[[str], bytes]:
    """The body that a real server sent."""
    return lambda name: (_CAPTURES / name).read_bytes()


@pytest.fixture(scope="session")
def received() -> Callable[..., Exchange]:
    """Makes the exchange of a body that came in reads ending at the given places.

    Read i was stamped 1000 * (i + 1) and seen i + 1 later; the response ended at 10**9. The loop
    slept before each read, or before none.
    """

    def make(body: bytes, *, cuts: Sequence[int] = (), status: int = 200, slept: bool = True) -> Exchange:
        ends = sorted({cut for cut in cuts if 0 < cut < len(body)} | ({len(body)} if body else set()))
        return Exchange(
            t_sent=0,
            t_end=10**9,
            status=status,
            body=bytearray(body),
            reads=array("q", [v for i, end in enumerate(ends, 1) for v in (end, 1000 * i, i, slept)]),
        )

    return make
