"""Runs one command and ends everything it started: a script of its own, standard library only.

Standard input: one line of JSON (argv, cwd, env, grace in seconds). Whatever follows, the
input's end, or the end of the parent process means: end everything and leave. So nothing is
left behind when the parent is killed.

Standard output: lines of JSON.
    {"event": "started", "pid": 4711}            the command runs, in a process group of its own
    {"event": "refused", "error": "..."}         it could not be started
    {"event": "exited", "code": 0}               it ended; what it left behind may go on
    {"event": "empty"}                           neither it nor any descendant is left
    {"event": "stuck", "pids": [4712]}           these outlived SIGKILL

Standard error is the command's log.

On Linux the supervisor is a child subreaper: a descendant that left the process group, called
setsid or forked twice becomes its child when its parent ends, and is found by its parent's id.
Elsewhere it falls back to the process group.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from typing import Any

_PR_SET_CHILD_SUBREAPER = 36
_KILL_TIMEOUT = 30.0
_POLL_INTERVAL = 0.02
_STDIN, _STDOUT, _STDERR = 0, 1, 2


def main() -> None:
    """Run the command that standard input names until nothing of it is left or the input ends."""
    line, _, more = _read_line().partition(b"\n")
    if more:  # told to end before anything has started
        report("empty")
        return
    spec = json.loads(line)
    bell = Bell()
    subreaper = become_subreaper()
    try:
        command = subprocess.Popen(
            spec["argv"],
            cwd=spec["cwd"],
            env=spec["env"],
            stdin=subprocess.DEVNULL,
            stdout=_STDERR,
            stderr=_STDERR,
            start_new_session=True,
        )
    except OSError as error:
        report("refused", error=f"{error.strerror}: {error.filename!r}")
        return
    report("started", pid=command.pid)
    tree = Tree(command, subreaper=subreaper)
    while tree.reap():
        if bell.wait(None if subreaper else 0.5):
            tree.end(spec["grace"])
            break
    left = tree.pids() if tree.reap() else []
    if left:
        report("stuck", pids=left)
    else:
        report("empty")


class Bell:
    """Wakes the supervisor when a child ended or when everything is to end."""

    def __init__(self) -> None:
        self._signals, wakeup = os.pipe()
        os.set_blocking(wakeup, False)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        self._poll = select.poll()
        self._poll.register(self._signals, select.POLLIN)
        self._poll.register(_STDIN, select.POLLIN)
        # The input's end does not come while a process that the parent forked holds the pipe open.
        with contextlib.suppress(AttributeError, OSError):
            self._poll.register(os.pidfd_open(os.getppid()), select.POLLIN)

    def wait(self, timeout: float | None) -> bool:
        """Wait for a ring, at most timeout seconds; whether everything is to end."""
        rings = [descriptor for descriptor, _ in self._poll.poll(None if timeout is None else timeout * 1000)]
        if self._signals in rings:
            rings.remove(self._signals)
            if set(os.read(self._signals, 4096)) - {signal.SIGCHLD}:
                return True
        return bool(rings)


class Tree:
    """The command and all its descendants."""

    def __init__(self, command: subprocess.Popen[bytes], *, subreaper: bool) -> None:
        self._command = command
        self._subreaper = subreaper

    def reap(self) -> bool:
        """Collect the children that ended; whether anything is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                # A subreaper without children has no descendants.
                return not self._subreaper and self._group_exists()
            if pid == 0:
                return True
            if pid == self._command.pid:
                self._command.returncode = os.waitstatus_to_exitcode(status)
                report("exited", code=self._command.returncode)

    def end(self, grace: float) -> None:
        """Send SIGTERM once to each process, after the grace time SIGKILL until none is left."""
        self._send(signal.SIGTERM)
        self._wait(grace)
        deadline = time.monotonic() + _KILL_TIMEOUT
        # Again and again: a process can fork while the others are being killed.
        while self.reap() and time.monotonic() < deadline:
            self._send(signal.SIGKILL)
            time.sleep(_POLL_INTERVAL)

    def pids(self) -> list[int]:
        """The processes that are left."""
        return list(descendants(os.getpid())) if self._subreaper else [self._command.pid]

    def _wait(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while self.reap() and time.monotonic() < deadline:
            time.sleep(_POLL_INTERVAL)

    def _send(self, number: signal.Signals) -> None:
        group = self._command.pid
        found = descendants(os.getpid()) if self._subreaper else {group: group}
        # The group at once, so that no member sees another one die first; and only while a member
        # lives, because an empty group's number can be given to a stranger.
        if group in found.values():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, number)
        for pid, its_group in found.items():
            if its_group != group:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, number)

    def _group_exists(self) -> bool:
        try:
            os.killpg(self._command.pid, 0)
        except (ProcessLookupError, PermissionError):
            return False
        return True


def descendants(ancestor: int) -> dict[int, int]:
    """Process id -> process group of all descendants, from /proc."""
    parents: dict[int, int] = {}
    groups: dict[int, int] = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208 -- pathlib costs more than all the rest here
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
                # The name, in parentheses, can hold spaces and parentheses.
                _, parent, group = file.read().rpartition(")")[2].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue
        parents[int(entry)] = int(parent)
        groups[int(entry)] = int(group)
    family = {ancestor}
    while grown := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= grown
    return {pid: groups[pid] for pid in family - {ancestor}}


def become_subreaper() -> bool:
    """Adopt orphaned descendants instead of init; whether the system can do that."""
    if sys.platform != "linux":
        return False
    return bool(ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


def report(event: str, **values: Any) -> None:
    """Tell the parent; it may be gone."""
    with contextlib.suppress(BrokenPipeError):
        os.write(_STDOUT, json.dumps({"event": event, **values}).encode() + b"\n")


def _read_line() -> bytes:
    """The first line, and what of the rest came with it."""
    line = b""
    while b"\n" not in line:
        piece = os.read(_STDIN, 65536)
        if not piece:
            sys.exit("the supervisor's input ended before its first line")
        line += piece
    return line


if __name__ == "__main__":
    main()
