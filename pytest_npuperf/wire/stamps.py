"""Kernel receive stamps: when data arrived, not when the program came round to read it."""

from __future__ import annotations

import socket
import struct
import sys
import time

from pytest_npuperf.unknown import UNKNOWN

__all__ = ["ANCILLARY_SIZE", "ArrivalClock", "enable", "hold_stamping_open"]

# The socket module does not name the option; 35 on every Linux but sparc and parisc.
_SO_TIMESTAMPNS = 35
_CLOCK_READING_LIMIT = 10_000
"""Longest time in ns for reading both clocks; it takes some 200."""
_READING_ATTEMPTS = 8
_MAPPING_AGE = 1_000_000
"""ns for which the difference of both clocks holds: adjusting a clock moves it by 500 ppm at most."""
_TIMESPEC = struct.Struct("@ll")
_unpack_timespec = _TIMESPEC.unpack
_TIMESPEC_SIZE = _TIMESPEC.size
_SOL_SOCKET = int(socket.SOL_SOCKET)

ANCILLARY_SIZE = socket.CMSG_SPACE(_TIMESPEC.size) if hasattr(socket, "CMSG_SPACE") else 0


def enable(sock: socket.socket) -> bool:
    """Ask the kernel for a receive stamp on every read; False where it has none."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    except OSError:
        return False
    return True


def hold_stamping_open() -> socket.socket:
    """A socket that keeps the kernel stamping while it is open.

    The kernel begins to stamp a little after the first socket asks for it, so that the first
    reads would come without a stamp.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    enable(sock)
    return sock


class ArrivalClock:
    """Maps the kernel's stamps, which are of the wall clock, to the monotonic one."""

    __slots__ = ("_mapped_at", "_offset")

    def __init__(self) -> None:
        self._mapped_at = self._offset = 0
        self._map()

    def arrival(self, ancillary: list[tuple[int, int, bytes]]) -> tuple[int, int, int]:
        """When the read just made arrived, how long ago that was, and now; monotonic ns.

        The lag is UNKNOWN where the read came without a kernel stamp: then it arrived now.
        """
        wall = time.time_ns()
        if not 0 <= wall - self._mapped_at < _MAPPING_AGE:
            self._map()
            wall = time.time_ns()
        now = wall - self._offset
        for level, kind, data in ancillary:
            if kind == _SO_TIMESTAMPNS and level == _SOL_SOCKET and len(data) == _TIMESPEC_SIZE:
                seconds, nanoseconds = _unpack_timespec(data)
                lag = wall - seconds * 1_000_000_000 - nanoseconds
                if lag >= 0:  # else the wall clock was set back meanwhile
                    return now - lag, lag, now
        return now, UNKNOWN, now

    def _map(self) -> None:
        for _ in range(_READING_ATTEMPTS):
            now, wall = time.monotonic_ns(), time.time_ns()
            # a process that was descheduled between the two would shift the stamps by that time
            if time.monotonic_ns() - now <= _CLOCK_READING_LIMIT:
                break
        self._offset, self._mapped_at = wall - now, wall
