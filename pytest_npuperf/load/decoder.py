"""The decoder: a process of its own, at low priority, that reads the spool behind the generator.

It is started as ``python -m pytest_npuperf.load.decoder DIRECTORY``. At the first byte on its
standard input it takes in what is left in the spool and writes the trace; at its end the process
that started it is gone, and so goes the directory.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path

from pytest_npuperf.load.boards import Decoded, decoded_board
from pytest_npuperf.load.spool import SpoolReader, SpoolRecord
from pytest_npuperf.load.standard_input import is_abandoned, is_told
from pytest_npuperf.load.trace_builder import TraceBuilder
from pytest_npuperf.load.workspace import TRACE, read_plan

__all__ = ["main"]

_NICENESS = 19
_INTERVAL = 0.1
_PAUSE = 19.0
"""So many times as long as the decoding took: while the load runs, one twentieth of a processor."""
_LONGEST_PAUSE = 0.05
_BACKLOG = 16
"""Segments in the spool from which on there is no pause: memory is bounded."""


def main(directory: Path) -> None:
    """Decode the spool in a directory until told to end, and leave the trace there."""
    _give_way()
    decoder = _Decoder(directory)
    while not is_told(_INTERVAL):
        decoder.take_in(gently=True)
    if is_abandoned():
        shutil.rmtree(directory, ignore_errors=True)
        return
    _hurry()
    decoder.take_in(gently=False)
    decoder.write()


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
        self._reader = SpoolReader(directory)
        self._builder = TraceBuilder(keep_text=self._plan.keep_text, give_way=_yield_processor)
        self._board = decoded_board(directory)
        self._decoded = Decoded()
        self._cpu_time = time.process_time_ns()

    def take_in(self, *, gently: bool) -> None:
        """Decode what is in the spool; gently: with pauses, until there is a word on standard input."""
        gently = gently and self._reader.segments() < _BACKLOG
        for record in self._reader.records():
            if record.request >= self._plan.warmup:
                began = time.monotonic()
                self._add(record)
                # also on a processor of its own: caches and memory are shared
                gently = gently and not is_told(min(_PAUSE * (time.monotonic() - began), _LONGEST_PAUSE))

    def _add(self, record: SpoolRecord) -> None:
        answer = self._builder.add(
            record.exchange,
            request_id=self._plan.request_id(record.request),
            t_scheduled=record.t_scheduled,
        )
        done, failed, ttft_sum, output_tokens, _ = self._decoded
        cpu_time = time.process_time_ns() - self._cpu_time
        if answer.failure:
            self._decoded = Decoded(done + 1, failed + 1, ttft_sum, output_tokens, cpu_time)
        else:
            ttft = answer.chunk_stamps[0] - record.exchange.t_sent
            self._decoded = Decoded(
                done + 1, failed, ttft_sum + ttft, output_tokens + answer.output_tokens, cpu_time
            )
        self._board.set(*self._decoded)

    def write(self) -> None:
        # under another name until it is whole
        unfinished = self._directory / f"{TRACE}.unfinished"
        self._builder.write(unfinished)
        unfinished.rename(self._directory / TRACE)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
