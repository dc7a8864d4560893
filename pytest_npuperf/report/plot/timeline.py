"""Which requests a plot shows, in which order and on which row."""

from __future__ import annotations

import re
from collections.abc import Hashable

import numpy as np

from pytest_npuperf.trace import UNKNOWN, Ints, Trace

__all__ = ["timeline_requests", "timeline_rows"]

_NUMBERED = re.compile(r"(.*-)(\d+)", re.DOTALL)


def timeline_requests(trace: Trace) -> Ints:
    """The rows of the trace in order of their start.

    A request that was never sent has no place on the axis and is left out.
    """
    sent = np.flatnonzero(trace.t_sent != UNKNOWN)
    requests: Ints = sent[np.argsort(trace.t_sent[sent], kind="stable")]
    return requests


def timeline_rows(trace: Trace, requests: Ints) -> list[int] | None:
    """The row of each request from 0, in order of the rows' first requests; None where no two share one.

    The turns of a conversation share a row.
    """
    rows: dict[Hashable, int] = {}
    shared = [rows.setdefault(_occupant(trace, request), len(rows)) for request in requests.tolist()]
    return shared if len(rows) < len(shared) else None


def _occupant(trace: Trace, request: int) -> Hashable:
    """What a row belongs to: a conversation, else a request.

    A load plan numbers its requests, and those of a conversation one after the other: a turn's number
    less the turn is the number of the first.
    """
    turn = int(trace.turn[request])
    numbered = _NUMBERED.fullmatch(trace.request_id[request])
    if turn == UNKNOWN or numbered is None:
        return request
    return numbered[1], int(numbered[2]) - turn
