"""A load that runs in another process, seen from pytest's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pytest_npuperf.errors import LoadError
from pytest_npuperf.load.plan import LoadPlan
from pytest_npuperf.load.spool import SpoolReader
from pytest_npuperf.load.trace_builder import TraceBuilder
from pytest_npuperf.load.workspace import API_KEY_VARIABLE, Counters, write_plan
from pytest_npuperf.trace import Trace

__all__ = ["LoadRun", "Progress"]

_STOP_GRACE = 5.0
_SHARED_MEMORY = Path("/dev/shm")
_SHARED_MEMORY_NEEDED = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a load is; counts of measured requests, times in seconds."""

    requests: int
    sent: int
    done: int
    failed: int
    in_flight: int
    elapsed: float
    ttft: float | None
    """Mean TTFT of the requests that are done and succeeded."""
    output_token_throughput: float | None
    time_left: float | None


class LoadRun:
    """Starts the load generator for a plan and takes its exchanges in while it runs.

    ``poll`` must be called again and again until it returns True; it decodes what has arrived
    since. ``stop`` may be called at any time; ``trace`` gives what was measured, ``close`` ends
    and removes everything.
    """

    def __init__(self, plan: LoadPlan, bodies: Iterable[bytes], *, log: Path, api_key: str | None) -> None:
        self._plan = plan
        self._log = log
        self._directory = Path(tempfile.mkdtemp(prefix="npuperf-", dir=_spool_parent()))
        try:
            write_plan(self._directory, plan, bodies)
            self._counters = Counters(self._directory)
            self._process = self._start(api_key)
        except BaseException:
            shutil.rmtree(self._directory, ignore_errors=True)
            raise
        self._reader = SpoolReader(self._directory)
        self._builder = TraceBuilder(plan)
        self._stopped = False
        self._done = self._failed = self._output_tokens = 0
        self._ttft_sum = 0

    def _start(self, api_key: str | None) -> subprocess.Popen[bytes]:
        environ = dict(os.environ)
        package_parent = str(Path(__file__).parents[2])
        environ["PYTHONPATH"] = os.pathsep.join(filter(None, (package_parent, environ.get("PYTHONPATH"))))
        if api_key:
            environ[API_KEY_VARIABLE] = api_key
        arguments = ("-m", "pytest_npuperf.load.generator", str(self._directory), str(os.getpid()))
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, *arguments],
                # not where pytest was started: a module there could stand in the place of one of ours
                cwd=self._directory,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=environ,
                # Ctrl-C in the terminal is for pytest, which then stops this process in order
                start_new_session=True,
            )

    def poll(self) -> bool:
        """Take in what has arrived; True once the load is over.

        Raises:
            LoadError: The generator died.
        """
        exit_code = self._process.poll()
        self._take_in()
        if exit_code is None:
            return False
        if exit_code != 0 and not self._stopped:
            tail = self._log.read_text(errors="replace").splitlines()[-20:]
            raise LoadError(
                f"the load generator ended with exit code {exit_code} after {self._done} of "
                f"{self._plan.requests} requests; the end of {self._log}:\n" + "\n".join(tail)
            )
        return True

    def wait(self, interval: float = 0.05) -> None:
        """Poll until the load is over."""
        while not self.poll():
            time.sleep(interval)

    def stop(self) -> None:
        """End the load now; requests in flight are given up."""
        self._stopped = True
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            self._process.wait(_STOP_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._take_in()

    def close(self) -> None:
        """End the generator and remove the files it worked with."""
        if self._process.poll() is None:
            self.stop()
        elif self._process.stdin is not None:
            self._process.stdin.close()
        self._counters.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    def trace(self) -> Trace:
        """The trace of all measured requests that ended so far."""
        return self._builder.build()

    def progress(self) -> Progress:
        """Where the load stands."""
        measuring_since, sent, ended = self._counters.read()
        elapsed = (time.monotonic_ns() - measuring_since) * 1e-9 if measuring_since else 0.0
        succeeded = self._done - self._failed
        requests = self._plan.requests
        return Progress(
            requests=requests,
            sent=sent,
            done=self._done,
            failed=self._failed,
            in_flight=sent - ended,
            elapsed=elapsed,
            ttft=self._ttft_sum / succeeded * 1e-9 if succeeded else None,
            output_token_throughput=self._output_tokens / elapsed if elapsed else None,
            time_left=elapsed / self._done * (requests - self._done) if self._done else None,
        )

    def _take_in(self) -> None:
        for record in self._reader.records():
            if record.request < self._plan.warmup:
                continue
            answer = self._builder.add(record)
            self._done += 1
            if answer.failure:
                self._failed += 1
                continue
            self._ttft_sum += answer.chunk_stamps[0] - record.exchange.t_sent
            self._output_tokens += answer.output_tokens


def _spool_parent() -> Path | None:
    """Memory where there is enough of it (containers often have 64 MB), else the usual place."""
    try:
        free = shutil.disk_usage(_SHARED_MEMORY).free
    except OSError:
        return None
    return _SHARED_MEMORY if free >= _SHARED_MEMORY_NEEDED and os.access(_SHARED_MEMORY, os.W_OK) else None
