"""What a plot draws, as plain data: a column an attribute of the requests, and the concurrency steps."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_npuperf.metrics import concurrency_steps
from pytest_npuperf.report.axis import axis_origin
from pytest_npuperf.report.plot.timeline import timeline_requests, timeline_rows
from pytest_npuperf.text import printable
from pytest_npuperf.trace import CANCELLED, UNKNOWN, Ints, Trace

__all__ = ["plot_columns"]

_LONGEST_ERROR = 300


def plot_columns(trace: Trace) -> dict[str, Any]:
    """The requests in order of their start; short, as a page may hold 100,000 of them.

    Times are in ns. ``start`` and the times of ``steps`` are each counted from the one before, the
    first from 0; ``ttft`` is None where no chunk came. ``undecoded``, ``cancelled`` and the keys of
    ``failed`` are places in the columns; ``failed`` gives the place of its text in ``errors``.
    ``row`` (from 0) is None where every request has a row of its own, ``turn`` (from 1) where no
    request is one of a conversation.
    """
    requests = timeline_requests(trace)
    sent, ends = trace.t_sent[requests], _bar_ends(trace)[requests]
    ids = [printable(trace.request_id[request]) for request in requests]
    prefix = _common_prefix(ids)
    times, counts = concurrency_steps(sent, ends)
    errors: dict[str, int] = {}
    failed = {
        str(place): errors.setdefault(_failure(trace.error[request], trace.error_text[request]), len(errors))
        for place, request in enumerate(requests)
        if trace.error[request] not in ("", CANCELLED)
    }
    return {
        "id_prefix": prefix,
        "id": [own[len(prefix) :] for own in ids],
        "start": _gaps(sent - axis_origin(trace)),
        "ttft": _ttft(trace, requests),
        "e2el": (ends - sent).tolist(),
        "undecoded": np.flatnonzero(~_decoded(trace)[requests]).tolist(),
        "failed": failed,
        "errors": list(errors),
        "cancelled": np.flatnonzero(trace.cancelled[requests]).tolist(),
        "row": timeline_rows(trace, requests),
        "turn": _turns(trace.turn[requests]),
        "steps": {"time": _gaps(times - axis_origin(trace)), "count": counts.tolist()},
    }


def _common_prefix(texts: Sequence[str]) -> str:
    pairs = zip(min(texts, default=""), max(texts, default=""), strict=False)
    return "".join(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _bar_ends(trace: Trace) -> Ints:
    """Where each bar ends: at the last moment known of a request that has no end."""
    last_known = np.maximum.reduce([trace.t_sent, trace.t_first, trace.t_last])
    return np.where(trace.t_end != UNKNOWN, trace.t_end, last_known)


def _decoded(trace: Trace) -> NDArray[np.bool_]:
    """Mask of the requests with a decode phase."""
    decoded: NDArray[np.bool_] = (np.diff(trace.chunk_offsets) > 1) & (_bar_ends(trace) > trace.t_first)
    return decoded


def _ttft(trace: Trace, requests: Ints) -> list[int | None]:
    firsts, sent = trace.t_first[requests].tolist(), trace.t_sent[requests].tolist()
    return [None if first == UNKNOWN else first - start for first, start in zip(firsts, sent, strict=True)]


def _turns(turns: Ints) -> list[int | None] | None:
    if (turns == UNKNOWN).all():
        return None
    return [None if turn == UNKNOWN else turn + 1 for turn in turns.tolist()]


def _gaps(moments: Ints) -> list[int]:
    return np.diff(moments, prepend=0).tolist()  # type: ignore[no-any-return]


def _failure(kind: str, text: str) -> str:
    return printable(f"Failed: {kind}: {text}" if text else f"Failed: {kind}", _LONGEST_ERROR)
