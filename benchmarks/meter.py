"""Runs a command on some CPUs and accounts for every process it starts.

``python -m benchmarks.meter REPORT TIMEOUT CPUS LOG COMMAND...``: what the command prints goes to
LOG, what it used as JSON to REPORT. Linux only. The meter is a process of its own because it
adopts the command's orphans, and it runs where its parent does: not on the client's CPUs.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["Usage", "measure", "on_cpus"]

_INTERVAL = 0.01
_LOOKING_SHARE = 0.02
"""Of its CPU's time: some clients have hundreds of threads to look at."""
_NICENESS = 19
_ORPHAN_GRACE = 10.0
_PR_SET_CHILD_SUBREAPER = 36
_CPUCLOCK_SCHED = 2
_CHILDREN_TIMES = slice(13, 15)
"""cutime and cstime in /proc/PID/stat, counted from the field after the command's name."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a command and its descendants used; seconds."""

    exit_code: int
    wall_time: float
    cpu_time: float
    samples: list[tuple[int, float]]
    """Monotonic ns, and the CPU time used until then."""

    def cpu_time_at(self, moment: int) -> float:
        """CPU time used until a moment (monotonic ns), between the samples beside it."""
        import numpy as np

        moments, times = zip(*self.samples, strict=True)
        origin = moments[0]
        return float(np.interp(moment - origin, [each - origin for each in moments], times))


def measure(
    command: Sequence[str], *, cpus: set[int], meter_cpus: set[int], log: Path, timeout: float
) -> Usage:
    """Run a command to its end, at most so many seconds; the meter itself runs on ``meter_cpus``."""
    report = log.with_suffix(".usage.json")
    arguments = [str(report), str(timeout), ",".join(map(str, sorted(cpus))), str(log), *command]
    with on_cpus(meter_cpus):
        subprocess.run([sys.executable, "-m", "benchmarks.meter", *arguments], check=True)
    return Usage(**json.loads(report.read_text()))


@contextmanager
def on_cpus(cpus: set[int]) -> Iterator[None]:
    """What is started inside runs on these CPUs."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _run(command: Sequence[str], *, cpus: set[int], log: Path, timeout: float) -> Usage:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    samples: list[tuple[int, float]] = []
    exit_code: int | None = None
    start = time.monotonic()
    with log.open("wb") as output, on_cpus(cpus):
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    # the server has this CPU too
    os.nice(_NICENESS)
    end, deadline = start, start + timeout
    while True:
        looked = time.thread_time()
        descendants = list(_descendants(os.getpid()))
        samples.append((time.monotonic_ns(), _children_cpu_time() + sum(map(_cpu_time, descendants))))
        if time.monotonic() > deadline:
            for pid in descendants:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        # every child, not only the command: its orphans are ours
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == process.pid:
                    exit_code, end = os.waitstatus_to_exitcode(ended[1]), time.monotonic()
                    deadline = end + _ORPHAN_GRACE
        if exit_code is not None and not any(_descendants(os.getpid())):
            return Usage(exit_code, end - start, _children_cpu_time(), samples)
        time.sleep(max(_INTERVAL, (time.thread_time() - looked) / _LOOKING_SHARE))


def _children_cpu_time() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _descendants(pid: int) -> Iterator[int]:
    # a process may end while it is looked at
    with suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield int(child)
                yield from _descendants(int(child))


def _cpu_time(pid: int) -> float:
    """Of a process and of those of its children that it has waited for."""
    # the system's clock of a process: exact, where /proc counts ticks
    clock = (~pid << 3) | _CPUCLOCK_SCHED
    try:
        waited_for = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[_CHILDREN_TIMES]
        return time.clock_gettime(clock) + sum(map(int, waited_for)) / os.sysconf("SC_CLK_TCK")
    except OSError:
        return 0.0


def main(report: str, timeout: str, cpus: str, log: str, *command: str) -> None:
    """Measure a command and write the report."""
    usage = _run(command, cpus=set(map(int, cpus.split(","))), log=Path(log), timeout=float(timeout))
    Path(report).write_text(json.dumps(asdict(usage)))


if __name__ == "__main__":
    main(*sys.argv[1:])
