"""An exchange: one request and the raw, stamped bytes of its response."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from pytest_npuperf.unknown import UNKNOWN

__all__ = ["Exchange"]


@dataclass(slots=True)
class Exchange:
    """Filled by a connection while the response arrives; times in monotonic nanoseconds.

    ``read_ends[i]`` is the length of the body after read i, ``read_stamps[i]`` when its last
    byte arrived, ``read_lags[i]`` how much later the program saw it, and ``read_slept[i]`` is 1
    where the event loop had slept until shortly before that. Reads that brought no body are not
    listed.
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
    read_ends: array[int] = field(default_factory=lambda: array("q"))
    read_stamps: array[int] = field(default_factory=lambda: array("q"))
    read_lags: array[int] = field(default_factory=lambda: array("q"))
    read_slept: array[int] = field(default_factory=lambda: array("b"))
