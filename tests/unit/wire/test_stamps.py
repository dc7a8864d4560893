from __future__ import annotations

import socket
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from types import SimpleNamespace

import pytest

from pytest_npuperf.unknown import UNKNOWN
from pytest_npuperf.wire import stamps

SECOND = 1_000_000_000
SO_TIMESTAMPNS = 35

Ancillary = list[tuple[int, int, bytes]]


def kernel_stamp(wall: int) -> Ancillary:
    return [(socket.SOL_SOCKET, SO_TIMESTAMPNS, struct.pack("@ll", *divmod(wall, SECOND)))]


class Clocks:
    """Both clocks, which go on by the given steps, in ns, one a reading; then they stand."""

    def __init__(self, monotonic: int, wall: int, steps: list[int]) -> None:
        self._monotonic = monotonic
        self._wall = wall
        self._steps = iter(steps)

    def _passed(self) -> None:
        step = next(self._steps, 0)
        self._monotonic += step
        self._wall += step

    def set_wall(self, wall: int) -> None:
        self._wall = wall

    def monotonic_ns(self) -> int:
        self._passed()
        return self._monotonic

    def time_ns(self) -> int:
        self._passed()
        return self._wall


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> type[Clocks]:
    """Clocks that take the place of the machine's as they are made."""

    class Installed(Clocks):
        def __init__(self, monotonic: int, wall: int, steps: list[int]) -> None:
            super().__init__(monotonic, wall, steps)
            namespace = SimpleNamespace(monotonic_ns=self.monotonic_ns, time_ns=self.time_ns)
            monkeypatch.setattr(stamps, "time", namespace)

    return Installed


def test_a_kernel_stamp_is_mapped_to_the_monotonic_clock(clocks: type[Clocks]) -> None:
    clocks(monotonic=7 * SECOND, wall=1_000 * SECOND, steps=[])

    clock = stamps.ArrivalClock()

    assert clock.arrival(kernel_stamp(1_000 * SECOND - 250)) == (7 * SECOND - 250, 250, 7 * SECOND)


def test_a_program_descheduled_between_the_clocks_does_not_shift_the_stamp(clocks: type[Clocks]) -> None:
    clocks(monotonic=7 * SECOND, wall=1_000 * SECOND, steps=[0, 30_000_000, 0])

    stamp, lag, now = stamps.ArrivalClock().arrival(kernel_stamp(1_000 * SECOND - 250))

    assert (stamp, lag, now) == (7 * SECOND - 250, 30_000_250, 7 * SECOND + 30_000_000)


def test_a_wall_clock_that_was_set_back_leaves_the_programs_own_time(clocks: type[Clocks]) -> None:
    clocks(monotonic=7 * SECOND, wall=1_000 * SECOND, steps=[])

    arrival = stamps.ArrivalClock().arrival(kernel_stamp(1_001 * SECOND))

    assert arrival == (7 * SECOND, UNKNOWN, 7 * SECOND)


@pytest.mark.parametrize("jump", [-3600 * SECOND, 3600 * SECOND])
def test_a_wall_clock_that_was_set_shifts_no_stamp(jump: int, clocks: type[Clocks]) -> None:
    set_clock = clocks(monotonic=7 * SECOND, wall=10_000 * SECOND, steps=[])
    clock = stamps.ArrivalClock()

    set_clock.set_wall(10_000 * SECOND + jump)

    stamp = kernel_stamp(10_000 * SECOND + jump - 250)
    assert clock.arrival(stamp) == (7 * SECOND - 250, 250, 7 * SECOND)


@pytest.mark.parametrize(
    "ancillary",
    [
        [],
        [(socket.SOL_SOCKET, SO_TIMESTAMPNS + 1, bytes(16))],
        [(socket.IPPROTO_IP, SO_TIMESTAMPNS, bytes(16))],
        [(socket.SOL_SOCKET, SO_TIMESTAMPNS, bytes(4))],
    ],
    ids=["none", "another kind", "another level", "cut short"],
)
def test_a_read_without_a_kernel_stamp_has_the_programs_own(
    ancillary: Ancillary, clocks: type[Clocks]
) -> None:
    clocks(monotonic=7 * SECOND, wall=1_000 * SECOND, steps=[])

    assert stamps.ArrivalClock().arrival(ancillary) == (7 * SECOND, UNKNOWN, 7 * SECOND)


def test_there_are_no_kernel_stamps_but_on_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")

    with socket.socket() as sock:
        assert stamps.enable(sock) is False


def test_a_socket_that_cannot_stamp_is_left_as_it_is() -> None:
    sock = socket.socket()
    sock.close()

    assert stamps.enable(sock) is False


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of a TCP connection."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        client = stack.enter_context(socket.create_connection(listener.getsockname()))
        server, _ = listener.accept()
        yield client, stack.enter_context(server)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux stamps what it receives")
def test_the_kernel_tells_when_data_came_not_when_it_was_read(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    client, server = pair
    client.settimeout(10)
    with stamps.hold_stamping_open():
        assert stamps.enable(client)
        lag, sent, stamp = UNKNOWN, 0, 0
        # the kernel begins to stamp a little after it was asked to
        deadline = time.monotonic() + 10
        while lag == UNKNOWN and time.monotonic() < deadline:
            server.sendall(b"x")
            sent = time.monotonic_ns()
            time.sleep(0.1)
            _, ancillary, _, _ = client.recvmsg(100, stamps.ANCILLARY_SIZE)
            stamp, lag, _ = stamps.ArrivalClock().arrival(ancillary)

    assert lag > 90_000_000
    assert stamp < sent + 50_000_000
