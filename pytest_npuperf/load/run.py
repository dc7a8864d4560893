"""A load that runs in other processes, seen from pytest's."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pytest_npuperf.errors import LoadError
from pytest_npuperf.load.boards import Decoded, Sent, decoded_board, sent_board
from pytest_npuperf.load.feed import Feed
from pytest_npuperf.load.plan import LoadPlan, PlannedRequest
from pytest_npuperf.load.standard_input import ENOUGH
from pytest_npuperf.load.standard_input import SNAPSHOT as SNAPSHOT_WORD
from pytest_npuperf.load.trace_file import read_trace
from pytest_npuperf.load.worker import Worker
from pytest_npuperf.load.workspace import API_KEY_VARIABLE, SNAPSHOT, TRACE, write_plan
from pytest_npuperf.trace import ClientUsage, Trace

__all__ = ["LoadRun", "Progress"]

_NS_PER_S = 1e9
_STOP_GRACE = 5.0
_DECODE_GRACE = 600.0
_SHARED_MEMORY = Path("/dev/shm")
_SHARED_MEMORY_NEEDED = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a load is; counts of measured requests, times in seconds."""

    requests: int | None
    """How many there will be at most; None where only a duration bounds them."""
    sent: int
    done: int
    failed: int
    failed_in_a_row: int
    refused_in_a_row: int
    """Of both the longest row there was, also where it is over."""
    peak_failed: int = 0
    """How many had failed when their share was the highest, once enough had ended to judge it."""
    peak_done: int = 0
    """How many had ended then; 0 before."""
    in_flight: int
    elapsed: float
    ttft: float | None
    """Mean TTFT of the requests that are done and succeeded."""
    output_token_throughput: float | None
    time_left: float | None


class LoadRun:
    """Runs a plan: a generator that sends and stamps, and a decoder that reads behind it.

    ``poll`` until it returns True, or ``stop`` at any time; then ``trace`` and ``usage`` give what
    was measured. ``close`` ends and removes everything. The requests are made as they are needed,
    in the calls of ``poll`` where they are many.
    """

    def __init__(
        self, plan: LoadPlan, requests: Iterable[PlannedRequest], *, log: Path, api_key: str | None
    ) -> None:
        self._plan = plan
        self._log = log
        self._directory = Path(tempfile.mkdtemp(prefix="npuperf-", dir=_spool_parent()))
        self._stopped = False
        workers: list[Worker] = []
        try:
            write_plan(self._directory, plan)
            self._feed = Feed(self._directory, plan, requests)
            self._feed.top_up(0)
            self._sent = sent_board(self._directory)
            self._decoded = decoded_board(self._directory)
            secret = {API_KEY_VARIABLE: api_key} if api_key else {}
            workers.append(self._start("generator", secret))
            workers.append(self._start("decoder", {}))
        except BaseException:
            for worker in workers:
                worker.end(_STOP_GRACE)
            shutil.rmtree(self._directory, ignore_errors=True)
            raise
        self._generator, self._decoder = workers

    def _start(self, name: str, environ: dict[str, str]) -> Worker:
        return Worker(f"pytest_npuperf.load.{name}", self._directory, log=self._log, environ=environ)

    def poll(self) -> bool:
        """Whether the load is over and its trace is there.

        Raises:
            LoadError: The generator or the decoder died.
            Exception: Whatever the iterator of the requests raises.
        """
        self._feed.top_up(Sent(*self._sent.get()).taken)
        generator, decoder = self._generator.exit_code(), self._decoder.exit_code()
        if generator and not self._stopped:
            raise self._died("load generator", generator)
        if decoder is None:
            if generator is not None:
                self._decoder.tell()
            return False
        if not (self._directory / TRACE).exists():
            raise self._died("decoder", decoder)
        return True

    def wait(self, interval: float = 0.05) -> None:
        """Poll until the load is over."""
        while not self.poll():
            time.sleep(interval)

    def enough(self) -> None:
        """Send nothing more that is measured; what is under way is waited for."""
        self._generator.tell(ENOUGH)

    def ask_for_snapshot(self) -> None:
        """Have the trace so far written; ``snapshot`` gives it when it is there."""
        shutil.rmtree(self._directory / SNAPSHOT, ignore_errors=True)
        self._decoder.tell(SNAPSHOT_WORD)

    def snapshot(self) -> Trace | None:
        """The trace as it was after ``ask_for_snapshot``; None where it is not there yet."""
        path = self._directory / SNAPSHOT
        return read_trace(path) if path.exists() else None

    def stop(self) -> None:
        """End the load now; requests in flight are given up, what ended is kept."""
        self._stopped = True
        self._generator.end(_STOP_GRACE)
        self._decoder.end(_DECODE_GRACE)

    def close(self) -> None:
        """End what runs and remove the files it worked with."""
        self._generator.end(_STOP_GRACE)
        self._decoder.end(_STOP_GRACE)
        self._sent.close()
        self._decoded.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    def trace(self) -> Trace:
        """The trace of all measured requests that ended.

        Raises:
            LoadError: The decoder did not leave one.
        """
        if not (self._directory / TRACE).exists():
            raise self._died("decoder", self._decoder.exit_code())
        return read_trace(self._directory / TRACE)

    def usage(self) -> ClientUsage:
        """What the generator used while it measured, and the decoder until now."""
        sent, decoded = Sent(*self._sent.get()), Decoded(*self._decoded.get())
        return ClientUsage(
            wall_time=sent.wall_time,
            cpu_time=sent.cpu_time,
            run_delay=sent.run_delay,
            decoder_cpu_time=decoded.cpu_time,
        )

    def warmup_window(self, trace: Trace) -> tuple[float, float] | None:
        """When warmup requests were under way, in seconds from the first request of ``trace``.

        From the sending of the first one to the end of the last one; one that had not ended when the
        load was over counts until then. None where no warmup request ended or nothing was measured.
        """
        decoded = Decoded(*self._decoded.get())
        if not decoded.warmed_up or not len(trace):
            return None
        until = decoded.warmup_until
        if decoded.warmed_up < self._plan.warmup:
            until = max(until, int(trace.t_end.max()))
        origin = int(trace.t_sent.min())
        return (decoded.warmup_since - origin) / _NS_PER_S, (until - origin) / _NS_PER_S

    def progress(self) -> Progress:
        """Where the load stands."""
        sent, decoded = Sent(*self._sent.get()), Decoded(*self._decoded.get())
        elapsed = (time.monotonic_ns() - sent.measuring_since) * 1e-9 if sent.measuring_since else 0.0
        succeeded = decoded.done - decoded.failed
        requests = self._plan.requests
        return Progress(
            requests=requests,
            sent=sent.sent,
            done=decoded.done,
            failed=decoded.failed,
            failed_in_a_row=decoded.failed_in_a_row,
            refused_in_a_row=sent.refused_in_a_row,
            peak_failed=decoded.peak_failed,
            peak_done=decoded.peak_done,
            in_flight=sent.sent - sent.ended,
            elapsed=elapsed,
            ttft=decoded.ttft_sum / succeeded * 1e-9 if succeeded else None,
            output_token_throughput=decoded.output_tokens / elapsed if elapsed else None,
            time_left=_time_left(self._plan, decoded.done, elapsed),
        )

    def _died(self, who: str, exit_code: int | None) -> LoadError:
        done, planned = Decoded(*self._decoded.get()).done, self._plan.requests
        of_planned = "" if planned is None else f" of {planned}"
        tail = self._log.read_text(errors="replace").splitlines()[-20:]
        return LoadError(
            f"the {who} ended with exit code {exit_code} after {done}{of_planned} requests; "
            f"the end of {self._log}:\n" + "\n".join(tail)
        )


def _time_left(plan: LoadPlan, done: int, elapsed: float) -> float | None:
    by_requests = elapsed / done * (plan.requests - done) if done and plan.requests is not None else None
    by_duration = max(plan.duration - elapsed, 0.0) if elapsed and plan.duration is not None else None
    return min((left for left in (by_requests, by_duration) if left is not None), default=None)


def _spool_parent() -> Path | None:
    """Memory where there is enough of it (containers often have 64 MB), else the usual place."""
    try:
        free = shutil.disk_usage(_SHARED_MEMORY).free
    except OSError:
        return None
    return _SHARED_MEMORY if free >= _SHARED_MEMORY_NEEDED and os.access(_SHARED_MEMORY, os.W_OK) else None
