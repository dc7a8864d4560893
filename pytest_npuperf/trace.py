"""The trace: what one load sent and received, as columns, one row a request.

It is the value that leaves the load generator. Nothing in it is derived: durations and
statistics are made in ``metrics``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from pytest_npuperf.unknown import UNKNOWN

__all__ = ["CANCELLED", "UNKNOWN", "ClientUsage", "Trace"]

Ints = NDArray[np.int64]

CANCELLED = "cancelled"
"""The error kind of a request that the client gave up because the case asks for it."""


@dataclass(frozen=True, slots=True)
class ClientUsage:
    """What the load generator used from its first to its last measured request; ns, 0 if it never ended."""

    wall_time: int
    cpu_time: int
    run_delay: int
    """How long it was ready to run but had no processor, UNKNOWN where the system does not say."""
    decoder_cpu_time: int = 0
    """What decoding has taken of another processor until now."""


_CHUNK_COLUMNS = ("chunk_stamps", "chunk_lag", "chunk_tokens")
_UNSTAMPED_SHARE = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """Stamps and counts of n requests, in order of ``t_sent``.

    Stamps are int64 nanoseconds of the monotonic clock, ``UNKNOWN`` where the moment never
    came. Every row has ``t_sent`` (a request that got no connection: when it began to connect)
    and ``t_end`` (a failed request: when it was given up). ``chunk_stamps`` is one flat array;
    the chunks of row i are ``chunk_stamps[chunk_offsets[i]:chunk_offsets[i + 1]]``. A row is a
    failed request where ``error[i]`` is not empty; it holds the kind (``timeout_total``,
    ``http_status``, ...).
    """

    request_id: tuple[str, ...]
    t_scheduled: Ints
    t_sent: Ints
    t_first: Ints
    t_last: Ints
    t_end: Ints
    connect_ns: Ints
    """Time to open the connection, 0 where an open one was reused."""
    retries: Ints
    """How often the request was sent again because a kept connection had been closed."""
    status: Ints
    """HTTP status, UNKNOWN where no response came."""
    input_tokens: Ints
    output_tokens: Ints
    cached_tokens: Ints
    """Input tokens the server took from its prefix cache, where it says so."""
    tokens_estimated: NDArray[np.bool_]
    """True where the server reported no usage and output_tokens counts chunks."""
    error: tuple[str, ...]
    error_text: tuple[str, ...]
    finish_reason: tuple[str, ...]
    model: tuple[str, ...]
    """The model name that answered, '' where none came."""
    text: tuple[str, ...]
    """The generated text, '' where it was not kept."""
    chunk_offsets: Ints
    """n + 1 offsets into chunk_stamps."""
    chunk_stamps: Ints
    chunk_lag: Ints
    """Receive lag of each chunk: how long after chunk_stamps the client saw it, in ns; UNKNOWN
    where the chunk has the client's own stamp."""
    chunk_tokens: Ints
    """Tokens of each chunk, UNKNOWN where the server does not say (``continuous_usage_stats``)."""
    reads: Ints
    """Reads that brought a part of the response's body."""
    unstamped_reads: Ints
    """Reads without a kernel stamp: they have the client's own."""
    crowded_reads: Ints
    """Reads of more than one chunk before which the client had not slept: the first of them may
    have waited for it, and all have the stamp of the last."""
    crowded_first: Ints
    """1 where the first chunk came in such a read, else 0: TTFT may be too long."""
    asked_input_tokens: Ints
    """Input tokens the prompt was made to have, UNKNOWN where none were aimed at."""
    asked_output_tokens: Ints
    """Where an exact output length was asked for, that length; else UNKNOWN."""
    turn: Ints
    """Which turn of its conversation it is, from 0; UNKNOWN outside of one."""
    conversation: Ints
    """Which conversation of the load it is a turn of, from 0; UNKNOWN outside of one."""

    def __len__(self) -> int:
        return len(self.error)

    @property
    def kernel_stamps(self) -> bool:
        """Whether the stamps are the kernel's; single reads may lack one, see unstamped_reads."""
        reads, unstamped = int(self.reads.sum()), int(self.unstamped_reads.sum())
        return reads > 0 and unstamped <= _UNSTAMPED_SHARE * reads

    @property
    def cancelled(self) -> NDArray[np.bool_]:
        """Mask of the requests that the client gave up as it was told: neither success nor failure."""
        return np.fromiter((kind == CANCELLED for kind in self.error), dtype=np.bool_, count=len(self.error))

    @property
    def succeeded(self) -> NDArray[np.bool_]:
        """Mask of the successful requests."""
        return np.fromiter((not kind for kind in self.error), dtype=np.bool_, count=len(self.error))

    def chunks(self, row: int) -> Ints:
        """Chunk stamps of one request."""
        return self.chunk_stamps[self.chunk_offsets[row] : self.chunk_offsets[row + 1]]

    def select(self, rows: Ints) -> Trace:
        """The trace of the given rows, in the given order."""
        lengths = np.diff(self.chunk_offsets)[rows]
        picked = [np.arange(self.chunk_offsets[row], self.chunk_offsets[row + 1]) for row in rows]
        flat = np.concatenate(picked) if picked else np.empty(0, np.int64)
        columns: dict[str, object] = {}
        for field in fields(self):
            column = getattr(self, field.name)
            if isinstance(column, tuple):
                columns[field.name] = tuple(column[row] for row in rows)
            elif field.name in _CHUNK_COLUMNS:
                columns[field.name] = column[flat]
            elif field.name == "chunk_offsets":
                columns[field.name] = np.concatenate(([0], np.cumsum(lengths)))
            else:
                columns[field.name] = column[rows]
        return Trace(**columns)  # type: ignore[arg-type]
