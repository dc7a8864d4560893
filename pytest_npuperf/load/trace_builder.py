"""From exchanges to a trace's columns, one request at a time; without numpy, to start fast."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from pathlib import Path

import msgspec

from pytest_npuperf.unknown import UNKNOWN
from pytest_npuperf.wire.chat import Answer, read_answer
from pytest_npuperf.wire.exchange import Exchange

__all__ = ["TEXTS_FILE", "TraceBuilder", "column_file"]

TEXTS_FILE = "texts"

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
    "reads",
    "unstamped_reads",
    "crowded_reads",
    "crowded_first",
    "asked_input_tokens",
    "asked_output_tokens",
    "turn",
    "conversation",
)
_TEXTS = ("request_id", "error", "error_text", "finish_reason", "model", "text")
_CHUNK_COLUMNS = ("chunk_stamps", "chunk_lag", "chunk_tokens")


def column_file(directory: Path, name: str) -> Path:
    """Where a column of int64 in the machine's own byte order lies."""
    return directory / f"{name}.int64"


class TraceBuilder:
    """Collects measured requests. Nothing in it grows by an object a token."""

    def __init__(self, *, keep_text: bool, give_way: Callable[[], object] = lambda: None) -> None:
        self._keep_text = keep_text
        self._give_way = give_way
        self._columns = {name: array("q") for name in _COLUMNS}
        self._texts: dict[str, list[str]] = {name: [] for name in _TEXTS}
        self._chunks = {name: array("q") for name in _CHUNK_COLUMNS}
        self._chunk_offsets = array("q", [0])

    def read(self, exchange: Exchange) -> Answer:
        """Decode an exchange."""
        return read_answer(exchange, give_way=self._give_way)

    def add(
        self,
        exchange: Exchange,
        answer: Answer,
        *,
        request_id: str,
        t_scheduled: int,
        asked_input_tokens: int = UNKNOWN,
        asked_output_tokens: int = UNKNOWN,
        turn: int = UNKNOWN,
        conversation: int = UNKNOWN,
    ) -> None:
        """Append one measured request."""
        stamps = answer.chunk_stamps
        self._append(
            t_scheduled=t_scheduled,
            t_sent=exchange.t_sent,
            t_first=stamps[0] if stamps else UNKNOWN,
            t_last=stamps[-1] if stamps else UNKNOWN,
            t_end=answer.t_end,
            connect_ns=exchange.connect_ns,
            retries=exchange.retries,
            status=exchange.status,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            cached_tokens=answer.cached_tokens,
            tokens_estimated=answer.tokens_estimated,
            reads=len(exchange.read_ends),
            unstamped_reads=exchange.unstamped_reads,
            crowded_reads=answer.crowded_reads,
            crowded_first=answer.crowded_first,
            asked_input_tokens=asked_input_tokens,
            asked_output_tokens=asked_output_tokens,
            turn=turn,
            conversation=conversation,
        )
        self._append_texts(
            request_id=request_id,
            error=answer.failure,
            error_text=answer.failure_text,
            finish_reason=answer.finish_reason,
            model=answer.model,
            text=answer.text if self._keep_text else "",
        )
        self._chunks["chunk_stamps"].extend(stamps)
        self._chunks["chunk_lag"].extend(answer.chunk_lags)
        self._chunks["chunk_tokens"].extend(answer.chunk_tokens)
        self._chunk_offsets.append(len(self._chunks["chunk_stamps"]))

    def write(self, directory: Path) -> None:
        """Write the columns, each into a file that can be mapped, into a new directory."""
        directory.mkdir()
        columns = self._columns | self._chunks | {"chunk_offsets": self._chunk_offsets}
        for name, column in columns.items():
            column_file(directory, name).write_bytes(column.tobytes())
        (directory / TEXTS_FILE).write_bytes(msgspec.msgpack.encode(self._texts))

    def _append(self, **values: int) -> None:
        for name, value in values.items():
            self._columns[name].append(value)

    def _append_texts(self, **values: str) -> None:
        for name, value in values.items():
            self._texts[name].append(value)
