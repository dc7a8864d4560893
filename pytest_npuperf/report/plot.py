"""The concurrency visualization: one HTML page a case, drawn by plotly's script beside it."""

from __future__ import annotations

import base64
import hashlib
import html
import re
import textwrap
from importlib import resources
from typing import Any

import msgspec
import numpy as np

from pytest_npuperf.metrics import concurrency_steps
from pytest_npuperf.report.axis import axis_origin, prefill_latency, seconds
from pytest_npuperf.report.text import printable
from pytest_npuperf.trace import CANCELLED, UNKNOWN, Ints, Trace

__all__ = ["PLOTLY_SCRIPT", "plot_data", "plot_html"]

PLOTLY_SCRIPT = "plotly.min.js"
"""The name of plotly's script, which lies beside the plots."""

_LONGEST_ERROR = 300
_HOVER_WIDTH = 72


def plot_html(
    trace: Trace,
    *,
    title: str,
    picture_name: str,
    steady_window: tuple[float, float] | None = None,
) -> bytes:
    """The page of one case.

    ``picture_name`` is what a downloaded picture is called; ``steady_window`` (seconds from the
    first request sent) is shaded.
    """
    script = _template("plot.js")
    data = {
        "title": printable(title),
        "picture_name": picture_name,
        "steady": steady_window,
        **plot_data(trace),
    }
    values = {
        "policy": html.escape(_content_security_policy(script)),
        "title": html.escape(printable(title)),
        "plotly": PLOTLY_SCRIPT,
        "data": _json_in_html(data),
        "script": script,
    }
    page = re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], _template("plot.html"))
    return page.encode()


def plot_data(trace: Trace) -> dict[str, Any]:
    """What the page draws, as plain data: a column a request attribute, and the concurrency steps.

    Requests are in order of their start; one that was never sent has no place on the axis and
    is left out. Times are in seconds from the first request sent. ``decoded`` is False where a
    request has no decode phase and its bar is red only.
    """
    sent = np.flatnonzero(trace.t_sent != UNKNOWN)
    rows = sent[np.argsort(trace.t_sent[sent], kind="stable")]
    origin = axis_origin(trace)
    ttft = prefill_latency(trace)
    ends = _bar_ends(trace)
    decoded = (np.diff(trace.chunk_offsets) > 1) & (ends > trace.t_first)
    times, counts = concurrency_steps(trace.t_sent[rows], ends[rows])
    return {
        "id": [printable(trace.request_id[row]) for row in rows],
        "start": seconds(trace.t_sent[rows], origin),
        "ttft": [ttft[row] for row in rows],
        "end": seconds(ends[rows], origin),
        "decoded": decoded[rows].tolist(),
        "failed": {
            str(place): _failure(trace.error[row], trace.error_text[row])
            for place, row in enumerate(rows)
            if trace.error[row] not in ("", CANCELLED)
        },
        "cancelled": np.flatnonzero(trace.cancelled[rows]).tolist(),
        "steps": {"time": seconds(times, origin), "count": counts.tolist()},
    }


def _bar_ends(trace: Trace) -> Ints:
    """Where each bar ends: at the last moment known of a request that has no end."""
    last_known = np.maximum.reduce([trace.t_sent, trace.t_first, trace.t_last])
    return np.where(trace.t_end != UNKNOWN, trace.t_end, last_known)


def _failure(kind: str, text: str) -> list[str]:
    """The lines that the hover of a failed request adds."""
    message = f"Failed: {kind}: {text}" if text else f"Failed: {kind}"
    return textwrap.wrap(printable(message, _LONGEST_ERROR), _HOVER_WIDTH)


def _template(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _json_in_html(data: dict[str, Any]) -> str:
    r"""JSON that cannot end its own script element: ``<`` stands as ``\u003c``."""
    return msgspec.json.encode(data).decode().replace("<", "\\u003c")


def _content_security_policy(script: str) -> str:
    """Nothing runs but the page's own script and plotly's, and nothing is fetched."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'self' file: 'sha256-{digest}'; "
        "style-src 'unsafe-inline'; img-src data: blob:"
    )
