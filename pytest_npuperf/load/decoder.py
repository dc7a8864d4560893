"""The decoder: a process of its own, at low priority, that reads the spool behind the generator.

It is started as ``python -m pytest_npuperf.load.decoder DIRECTORY``. When it is told on its
standard input, it takes in what is left in the spool and writes the trace; at its end the process
that started it is gone, and so goes the directory.
"""

from __future__ import annotations

import gc
import os
import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from pytest_npuperf.load.boards import FEWEST_TO_JUDGE, Decoded, decoded_board
from pytest_npuperf.load.histories import ReplyWriter
from pytest_npuperf.load.planned import PlannedReader
from pytest_npuperf.load.spool import SpoolReader, SpoolRecord
from pytest_npuperf.load.standard_input import END, hear, is_abandoned, is_told
from pytest_npuperf.load.standard_input import SNAPSHOT as SNAPSHOT_WORD
from pytest_npuperf.load.trace_builder import TraceBuilder
from pytest_npuperf.load.workspace import SNAPSHOT, TRACE, read_plan
from pytest_npuperf.wire import failures
from pytest_npuperf.wire.chat import Answer
from pytest_npuperf.wire.exchange import Exchange

__all__ = ["main"]

_NICENESS = 19
_INTERVAL = 0.1
_CONVERSING_INTERVAL = 0.002
_PAUSE = 19.0
"""So many times as long as the decoding took: while the load runs, one twentieth of a processor."""
_LONGEST_PAUSE = 0.05
_BACKLOG = 16
"""Segments in the spool from which on there is no pause: memory is bounded."""


def main(directory: Path) -> None:
    """Decode the spool in a directory until told to end, and leave the trace there."""
    _give_way()
    gc.disable()  # nothing here makes cycles
    decoder = _Decoder(directory)
    word = b""
    while word != END:
        word = hear() if is_told(decoder.interval) else b""
        if word != END:
            decoder.take_in(gently=word != SNAPSHOT_WORD)
        if word == SNAPSHOT_WORD:
            decoder.write(SNAPSHOT)
    if is_abandoned():
        shutil.rmtree(directory, ignore_errors=True)
        return
    _hurry()
    decoder.take_in(gently=False)
    decoder.write(TRACE)


def _give_way() -> None:
    """Take only what the others leave."""
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    else:
        os.nice(_NICENESS)


def _yield_processor() -> None:
    """A lazily preemptive kernel looks at each call who else wants the processor, else up to 10 ms later."""
    if hasattr(os, "sched_yield"):
        os.sched_yield()


def _hurry() -> None:
    """The load is over and pytest waits. Not everyone may take back what he gave away."""
    if hasattr(os, "SCHED_OTHER"):
        with suppress(PermissionError):
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


class _Decoder:
    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._plan = read_plan(directory)
        self._planned = PlannedReader(directory)
        self._reader = SpoolReader(directory)
        self._builder = TraceBuilder(keep_text=self._plan.keep_text, give_way=_yield_processor)
        self._replies = ReplyWriter(directory)
        self._board = decoded_board(directory)
        self._decoded = Decoded()
        self._failed_in_a_row = 0
        self._cpu_time = time.process_time_ns()
        self.interval = _CONVERSING_INTERVAL if self._plan.conversations else _INTERVAL
        """Seconds between two looks into the spool."""

    def take_in(self, *, gently: bool) -> None:
        """Decode what is in the spool; gently: with pauses, until there is a word on standard input."""
        gently = gently and self._reader.segments() < _BACKLOG
        for record in self._reader.records():
            if record.request < self._plan.warmup:
                self._tell_warmup(record.exchange)
            began = time.monotonic()
            if self._plan.conversations or record.measured:
                self._take(record)
                # also on a processor of its own: caches and memory are shared
                gently = gently and not is_told(self._pause(time.monotonic() - began))

    def _pause(self, worked: float) -> float:
        # a request may be waiting for the answer to the one before it
        return 0 if self._plan.conversations else min(_PAUSE * worked, _LONGEST_PAUSE)

    def _take(self, record: SpoolRecord) -> None:
        self._planned.look()
        row = self._planned.row(record.request)
        answer = self._builder.read(record.exchange)
        if row.followed:
            content = b"" if answer.failure else msgspec.json.encode(answer.text)
            self._replies.write(record.request, content)
        if not record.measured:
            return
        self._builder.add(
            record.exchange,
            answer,
            request_id=self._plan.request_id(record.request),
            t_scheduled=record.t_scheduled,
            asked_input_tokens=row.asked_input_tokens,
            asked_output_tokens=row.asked_output_tokens,
            turn=row.turn,
            conversation=row.conversation,
        )
        self._tell(record, answer)

    def _tell_warmup(self, exchange: Exchange) -> None:
        told = self._decoded
        self._decoded = told._replace(
            warmed_up=told.warmed_up + 1,
            warmup_since=min(told.warmup_since, exchange.t_sent) if told.warmed_up else exchange.t_sent,
            warmup_until=max(told.warmup_until, exchange.t_end),
        )
        self._board.set(*self._decoded)

    def _tell(self, record: SpoolRecord, answer: Answer) -> None:
        told = self._decoded
        succeeded, is_failed = not answer.failure, answer.failure not in ("", failures.CANCELLED)
        done, failed = told.done + 1, told.failed + is_failed
        self._failed_in_a_row = self._failed_in_a_row + 1 if is_failed else 0
        is_peak = done >= FEWEST_TO_JUDGE and failed * told.peak_done >= told.peak_failed * done
        self._decoded = told._replace(
            done=done,
            failed=failed,
            failed_in_a_row=max(told.failed_in_a_row, self._failed_in_a_row),
            peak_failed=failed if is_peak else told.peak_failed,
            peak_done=done if is_peak else told.peak_done,
            ttft_sum=told.ttft_sum + (answer.chunk_stamps[0] - record.exchange.t_sent if succeeded else 0),
            output_tokens=told.output_tokens + (answer.output_tokens if succeeded else 0),
            cpu_time=time.process_time_ns() - self._cpu_time,
        )
        self._board.set(*self._decoded)

    def write(self, name: str) -> None:
        """Leave what was measured under a name in the directory."""
        # under another name until it is whole
        unfinished = self._directory / f"{name}.unfinished"
        self._builder.write(unfinished)
        unfinished.rename(self._directory / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
