"""A command and everything it starts, under a supervisor process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pytest_npuperf.errors import DeployError

__all__ = ["Status", "SupervisedProcess", "exit_text", "run"]

_SUPERVISOR = Path(__file__).with_name("supervisor.py")


@dataclass(frozen=True, slots=True)
class Status:
    """What is known of a supervised command."""

    pid: int | None = None
    """Its process id, which is its process group, too; None until it has started."""
    code: int | None = None
    """Its own exit code, negative for a signal; None while it runs. What it left behind may go on."""
    over: bool = False
    """Nothing of it is left: neither itself nor any descendant."""
    failure: str = ""
    """Why it could not be started, or be watched any longer; '' while all is well."""


class SupervisedProcess:
    """A command whose every descendant ends with ``stop()``, and with this process, even by SIGKILL."""

    def __init__(
        self, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], log: Path, grace: float = 10.0
    ) -> None:
        """Start the command; its output is appended to log.

        Args:
            argv: The command and its arguments.
            cwd: The directory it starts in.
            env: Its whole environment.
            log: A file in an existing directory.
            grace: Seconds between SIGTERM and SIGKILL at the end.
        """
        self._status = Status()
        self._buffer = b""
        with log.open("ab") as output:
            # Isolated and without site: neither the environment of the command nor that of pytest reaches
            # it. Its own session: Ctrl-C in the terminal is pytest's to handle.
            self._supervisor = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_SUPERVISOR)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                start_new_session=True,
            )
        assert self._supervisor.stdin is not None
        assert self._supervisor.stdout is not None
        self._orders = self._supervisor.stdin
        self._events = self._supervisor.stdout
        os.set_blocking(self._events.fileno(), False)
        spec = {"argv": list(argv), "cwd": str(cwd), "env": dict(env), "grace": grace}
        # A supervisor that ended at once is found by the missing reports.
        with contextlib.suppress(BrokenPipeError):
            self._orders.write(json.dumps(spec).encode() + b"\n")
            self._orders.flush()

    def poll(self, timeout: float = 0.0) -> Status:
        """What is known now; where nothing has been reported yet, wait for it at most timeout seconds."""
        if self._events.closed:
            return self._status
        waiting = select.poll()
        waiting.register(self._events, select.POLLIN)
        waiting.poll(timeout * 1000)
        while (data := self._read()) is not None:
            if not data:
                self._finish()
                break
            *lines, self._buffer = (self._buffer + data).split(b"\n")
            for line in lines:
                self._status = _updated(self._status, json.loads(line))
        return self._status

    def stop(self) -> None:
        """End the command and every descendant: SIGTERM, the grace time, SIGKILL. Can be called again.

        Raises:
            DeployError: Some process outlived SIGKILL.
        """
        if not self._orders.closed:
            # A word, because a process forked from this one may hold the pipe open.
            with contextlib.suppress(BrokenPipeError):
                self._orders.write(b"stop\n")
                self._orders.close()
        self._supervisor.wait()
        self.poll()
        if not self._status.over:
            raise DeployError(f"could not end every process: {self._status.failure}. End them by hand.")

    def _read(self) -> bytes | None:
        try:
            return os.read(self._events.fileno(), 65536)
        except BlockingIOError:
            return None

    def _finish(self) -> None:
        """The supervisor closed its output: it ended, after its last report or killed by somebody."""
        self._events.close()
        code = self._supervisor.wait()
        status = self._status
        if not status.over and not status.failure:
            failure = f"its supervisor, process {self._supervisor.pid}, ended with {exit_text(code)}"
            self._status = Status(status.pid, code if status.code is None else status.code, True, failure)
            if status.pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(status.pid, signal.SIGKILL)


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    log: Path,
    tick: Callable[[float], None],
) -> int:
    """Run a command to its end; its exit code. Whatever it left running is ended.

    Args:
        argv: The command and its arguments.
        cwd: The directory it starts in.
        env: Its whole environment.
        log: A file in an existing directory; output is appended.
        tick: Called about once a second with the seconds that passed.

    Raises:
        DeployError: It could not be started or watched.
    """
    started = time.perf_counter()
    process = SupervisedProcess(argv, cwd=cwd, env=env, log=log)
    try:
        while not (status := process.poll(timeout=1.0)).failure and status.code is None:
            tick(time.perf_counter() - started)
    finally:
        process.stop()
    if status.code is None or status.failure:
        raise DeployError(f"{argv[0]} could not be run: {status.failure}.")
    return status.code


def exit_text(code: int) -> str:
    """An exit code in words, with the signal where it stands for one."""
    number = -code if code < 0 else code - 128
    with contextlib.suppress(ValueError):
        name = signal.Signals(number).name
        return f"signal {name}" if code < 0 else f"exit code {code} ({name})"
    return f"exit code {code}"


def _updated(status: Status, report: dict[str, Any]) -> Status:
    event = report["event"]
    if event == "started":
        return replace(status, pid=report["pid"])
    if event == "refused":
        return replace(status, failure=report["error"], over=True)
    if event == "exited":
        return replace(status, code=report["code"])
    if event == "empty":
        return replace(status, over=True)
    assert event == "stuck"
    pids = ", ".join(map(str, report["pids"]))
    return replace(status, failure=f"the processes {pids} outlived SIGKILL")
