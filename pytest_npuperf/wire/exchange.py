"""An exchange: one request and the raw, stamped bytes of its response."""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass, field

from pytest_npuperf.unknown import UNKNOWN

__all__ = ["Exchange", "pack_read"]

_READ = struct.Struct("=4q")
_FIELDS = 4

pack_read = _READ.pack
"""(end, stamp, lag, slept) of a read as they stand in ``Exchange.reads``."""


@dataclass(slots=True)
class Exchange:
    """Filled by a connection while the response arrives; times in monotonic nanoseconds.

    ``reads`` has four numbers for each read that brought a part of the body, in one array, because
    while many streams arrive each array more is memory that no cache holds: the length of the body
    after it, when its last byte arrived, how much later the program saw it (UNKNOWN without a
    kernel stamp), and 1 where the event loop had slept until shortly before that.
    """

    t_sent: int = UNKNOWN
    t_end: int = UNKNOWN
    connect_ns: int = 0
    retries: int = 0
    unstamped_reads: int = 0
    status: int = UNKNOWN
    failure: str = ""
    failure_text: str = ""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    """Of the response; empty unless somebody follows the exchange."""
    body: bytearray = field(default_factory=bytearray)
    reads: array[int] = field(default_factory=lambda: array("q"))

    @property
    def read_ends(self) -> array[int]:
        """Length of the body after each read."""
        return self.reads[0::_FIELDS]

    @property
    def read_stamps(self) -> array[int]:
        """When the last byte of each read arrived."""
        return self.reads[1::_FIELDS]

    @property
    def read_lags(self) -> array[int]:
        """How much later than that the program saw it."""
        return self.reads[2::_FIELDS]

    @property
    def read_slept(self) -> array[int]:
        """Whether the event loop had slept until shortly before."""
        return self.reads[3::_FIELDS]
