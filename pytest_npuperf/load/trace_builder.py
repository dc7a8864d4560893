"""From spooled exchanges to a trace, one request at a time."""

from __future__ import annotations

from array import array

import numpy as np

from pytest_npuperf.load.plan import LoadPlan
from pytest_npuperf.load.spool import SpoolRecord
from pytest_npuperf.trace import Ints, Trace
from pytest_npuperf.wire.chat import Answer, read_answer

__all__ = ["TraceBuilder"]

_COLUMNS = (
    "t_scheduled",
    "t_sent",
    "t_first",
    "t_last",
    "t_end",
    "connect_ns",
    "retries",
    "status",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "tokens_estimated",
)
_TEXTS = ("request_id", "error", "error_text", "finish_reason", "model", "text")


class TraceBuilder:
    """Collects the measured requests of a plan."""

    def __init__(self, plan: LoadPlan) -> None:
        self._plan = plan
        self._columns = {name: array("q") for name in _COLUMNS}
        self._texts: dict[str, list[str]] = {name: [] for name in _TEXTS}
        self._offsets = array("q", [0])
        self._stamps = array("q")
        self._lags = array("q")
        self._unstamped_reads = 0

    def add(self, record: SpoolRecord) -> Answer:
        """Decode one measured request and append it; the answer is returned for progress figures."""
        exchange = record.exchange
        answer = read_answer(exchange)
        chunks = answer.chunk_stamps
        self._append(
            t_scheduled=record.t_scheduled,
            t_sent=exchange.t_sent,
            t_first=chunks[0] if chunks else -1,
            t_last=chunks[-1] if chunks else -1,
            t_end=answer.t_end,
            connect_ns=exchange.connect_ns,
            retries=exchange.retries,
            status=exchange.status,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            cached_tokens=answer.cached_tokens,
            tokens_estimated=answer.tokens_estimated,
        )
        for name, value in (
            ("request_id", self._plan.request_id(record.request)),
            ("error", answer.failure),
            ("error_text", answer.failure_text),
            ("finish_reason", answer.finish_reason),
            ("model", answer.model),
            ("text", answer.text),
        ):
            self._texts[name].append(value)
        self._stamps.extend(chunks)
        self._lags.extend(answer.chunk_lags)
        self._offsets.append(len(self._stamps))
        self._unstamped_reads += exchange.unstamped_reads
        return answer

    def _append(self, **values: int) -> None:
        for name, value in values.items():
            self._columns[name].append(value)

    def build(self) -> Trace:
        """The trace of all requests added so far, in order of t_sent."""
        columns = {name: np.array(column, dtype=np.int64) for name, column in self._columns.items()}
        texts = {name: tuple(column) for name, column in self._texts.items()}
        estimated = columns.pop("tokens_estimated").astype(np.bool_)
        trace = Trace(
            **texts,  # type: ignore[arg-type]
            **columns,  # type: ignore[arg-type]
            tokens_estimated=estimated,
            chunk_offsets=_ints(self._offsets),
            chunk_stamps=_ints(self._stamps),
            chunk_lag=_ints(self._lags),
            kernel_stamps=len(self._stamps) > 0 and self._unstamped_reads == 0,
        )
        return trace.select(np.argsort(trace.t_sent, kind="stable"))


def _ints(column: array[int]) -> Ints:
    return np.array(column, dtype=np.int64)
