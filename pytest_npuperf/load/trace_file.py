"""A trace from the files that a builder wrote."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from pytest_npuperf.load.trace_builder import TEXTS_FILE, column_file
from pytest_npuperf.trace import Ints, Trace

__all__ = ["read_trace"]


def read_trace(directory: Path) -> Trace:
    """The trace in a directory, in order of t_sent. Its columns are mapped, not copied, until used."""
    texts = msgspec.msgpack.decode((directory / TEXTS_FILE).read_bytes(), type=dict[str, list[str]])
    columns: dict[str, Any] = {}
    for name in (field.name for field in fields(Trace)):
        path = column_file(directory, name)
        columns[name] = _mapped(path) if path.exists() else tuple(texts.get(name, ()))
    columns["tokens_estimated"] = columns["tokens_estimated"].astype(np.bool_)
    trace = Trace(**columns)
    return trace.select(np.argsort(trace.t_sent, kind="stable"))


def _mapped(path: Path) -> Ints:
    if not path.stat().st_size:  # nothing cannot be mapped
        return np.empty(0, np.int64)
    return np.memmap(path, dtype=np.int64, mode="r")
