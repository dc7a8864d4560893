"""Which requests a plot shows, in which order and on which row."""

from __future__ import annotations

import numpy as np

from pytest_npuperf.trace import UNKNOWN, Ints, Trace

__all__ = ["timeline_requests", "timeline_rows"]


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
    rows: dict[tuple[str, int], int] = {}
    shared = []
    for request, conversation in zip(requests.tolist(), trace.conversation[requests].tolist(), strict=True):
        occupant = ("request", request) if conversation == UNKNOWN else ("conversation", conversation)
        shared.append(rows.setdefault(occupant, len(rows)))
    return shared if len(rows) < len(shared) else None
