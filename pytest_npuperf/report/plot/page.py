"""``<case>_plot.html``: the page of one case, drawn by plotly's script beside it."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from importlib import resources
from typing import Any

import msgspec

from pytest_npuperf.report.plot.chunks import chunk_columns
from pytest_npuperf.report.plot.columns import plot_columns
from pytest_npuperf.report.windows import Windows
from pytest_npuperf.text import printable
from pytest_npuperf.trace import Trace

__all__ = ["PLOTLY_SCRIPT", "plot_html"]

PLOTLY_SCRIPT = "plotly.min.js"
"""The name of plotly's script, which lies beside the plots."""

_SCRIPTS = ("data.js", "draw.js", "chart.js", "hover.js", "detail.js", "main.js")
"""The parts of the page's one script, in their order."""


def plot_html(
    trace: Trace,
    *,
    title: str,
    picture_name: str,
    windows: Windows = Windows(),
) -> bytes:
    """The page of one case.

    ``picture_name`` is what a downloaded picture is called, and where ``chunk_files`` puts the chunk
    times of a large run; ``windows`` are shaded.
    """
    script = "\n".join(_template(name) for name in _SCRIPTS)
    data = {
        "title": printable(title),
        "picture_name": picture_name,
        "warmup": windows.warmup,
        "steady": windows.steady,
        "again": windows.starts,
        "again_name": windows.start_name.capitalize(),
        **plot_columns(trace),
        **chunk_columns(trace, picture_name=picture_name),
    }
    values = {
        "policy": html.escape(_content_security_policy(script)),
        "title": html.escape(printable(title)),
        "style": _template("plot.css"),
        "plotly": PLOTLY_SCRIPT,
        "data": _json_in_html(data),
        "script": script,
    }
    page = re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], _template("plot.html"))
    return page.encode()


def _template(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _json_in_html(data: dict[str, Any]) -> str:
    r"""JSON that cannot end its own script element: ``<`` stands as ``\u003c``."""
    return msgspec.json.encode(data).decode().replace("<", "\\u003c")


def _content_security_policy(script: str) -> str:
    """Nothing runs but the page's own script and the files beside it, and nothing is fetched."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'self' file: 'sha256-{digest}'; "
        "style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
