"""Chunk times for a plot: in its page where they are few, else in files that it loads when it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np

from pytest_npuperf.report.plot.timeline import timeline_requests
from pytest_npuperf.trace import Ints, Trace

__all__ = ["chunk_columns", "chunk_files"]

_IN_THE_PAGE = 50_000
"""So many chunks add 300 kB to a page."""
_IN_A_FILE = 200_000
"""A browser reads so many within 0.1 s."""
_NS_PER_US = 1000


def chunk_columns(trace: Trace, *, picture_name: str) -> dict[str, Any]:
    """What the page has to know: the chunk times themselves or where they are.

    ``chunks`` has a list for each request in order of their start: the first chunk's time from the
    moment of sending and the gaps to the others, in microseconds. Else it is None, and ``chunk_files``
    gives the folder beside the page and the place of the first request of each file in it.
    """
    requests = timeline_requests(trace)
    if len(trace.chunk_stamps) <= _IN_THE_PAGE:
        return {"chunks": _chunk_gaps(trace, requests), "chunk_files": None}
    firsts = [part.start for part in _parts(trace, requests)]
    return {"chunks": None, "chunk_files": {"folder": _folder(picture_name), "firsts": firsts}}


def chunk_files(trace: Trace, *, picture_name: str) -> Iterator[tuple[str, bytes]]:
    """The files that hold the chunk times of a large run: each one's path from the page, and its content.

    Nothing for a run whose page holds them. They are scripts, as a page that was opened from a disk
    may load no other data.
    """
    if len(trace.chunk_stamps) <= _IN_THE_PAGE:
        return
    requests = timeline_requests(trace)
    for number, part in enumerate(_parts(trace, requests)):
        gaps = msgspec.json.encode(_chunk_gaps(trace, requests[part.start : part.end]))
        yield f"{_folder(picture_name)}/{number}.js", b"npuperfChunks(%d,%b);\n" % (number, gaps)


@dataclass(frozen=True, slots=True)
class _Part:
    """The requests of one file: places in order of their start."""

    start: int
    end: int


def _parts(trace: Trace, requests: Ints) -> list[_Part]:
    """Whole requests, so a file may hold more than its share."""
    lengths = np.diff(trace.chunk_offsets)[requests]
    before = np.cumsum(lengths) - lengths
    _, firsts = np.unique(before // _IN_A_FILE, return_index=True)
    starts = firsts.tolist()
    return [_Part(start, end) for start, end in zip(starts, [*starts[1:], len(requests)], strict=True)]


def _chunk_gaps(trace: Trace, requests: Ints) -> list[list[int]]:
    lengths = np.diff(trace.chunk_offsets)[requests]
    bounds = np.concatenate(([0], np.cumsum(lengths)))
    starts = bounds[:-1]
    chunks = np.arange(bounds[-1]) + np.repeat(trace.chunk_offsets[requests] - starts, lengths)
    from_sent = trace.chunk_stamps[chunks] - np.repeat(trace.t_sent[requests], lengths)
    times = np.rint(from_sent / _NS_PER_US).astype(np.int64)
    gaps = np.diff(times, prepend=0)
    # the first chunk of a request follows the sending, not the last chunk of the request before
    firsts = starts[lengths > 0]
    gaps[firsts] = times[firsts]
    flat = gaps.tolist()
    return [flat[start:end] for start, end in pairwise(bounds.tolist())]


def _folder(picture_name: str) -> str:
    return f"{picture_name}_chunks"
