"""The server that the clients are pointed at, and what it says it did."""

from __future__ import annotations

import http.client
import json
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.meter import on_cpus
from benchmarks.scenario import Scenario
from benchmarks.truth import Truth, read_truth

__all__ = ["SIMULATOR", "Server", "ServerCommand", "free_port"]

_READY_TIMEOUT = 30.0
_STOP_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class ServerCommand:
    """How to start a server with known times and, once it has ended, to read its truth.

    Fields in braces are filled in: ``port``, ``ttft_ms``, ``ttft_us``, ``itl_ms``, ``itl_us``,
    ``tokens`` and ``directory``, a place for its files. ``truth`` prints what ``read_truth`` takes.
    """

    start: str
    truth: str


SIMULATOR = ServerCommand(
    start=f"{shlex.quote(sys.executable)} -m pytest_npuperf.cli simulate --model=m --port={{port}} "
    "--ttft={ttft_ms}ms --itl={itl_ms}ms --output-tokens={tokens} --truth-log={directory}/truth.jsonl",
    truth="cat {directory}/truth.jsonl",
)


@dataclass(frozen=True, slots=True)
class Server:
    """A server that is ready."""

    port: int
    model: str
    _fields: dict[str, object]
    _command: ServerCommand

    @classmethod
    @contextmanager
    def run(
        cls, command: ServerCommand, scenario: Scenario, *, cpus: set[int], directory: Path
    ) -> Iterator[Server]:
        """Start a server on some CPUs, wait until it is ready; end it.

        Raises:
            RuntimeError: It did not become ready.
        """
        port = free_port()
        fields: dict[str, object] = {
            "port": port,
            "ttft_ms": scenario.ttft_ms,
            "ttft_us": scenario.ttft_ms * 1000,
            "itl_ms": scenario.itl_ms,
            "itl_us": scenario.itl_ms * 1000,
            "tokens": scenario.tokens,
            "directory": directory,
        }
        log = directory / "server.log"
        with log.open("wb") as output, on_cpus(cpus):
            process = subprocess.Popen(_filled(command.start, fields), stdout=output, stderr=output)
        try:
            yield cls(port, _wait_for_model(process, port, log), fields, command)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(_STOP_TIMEOUT)

    def truth(self) -> Truth:
        """What it did; only after its end."""
        command = _filled(self._command.truth, self._fields)
        return read_truth(
            subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
        )


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _filled(template: str, fields: dict[str, object]) -> list[str]:
    return [word.format_map(fields) for word in shlex.split(template)]


def _wait_for_model(process: subprocess.Popen[bytes], port: int, log: Path) -> str:
    deadline = time.monotonic() + _READY_TIMEOUT
    while process.poll() is None and time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/v1/models")
            model: str = json.loads(connection.getresponse().read())["data"][0]["id"]
            return model
        except ConnectionError:
            time.sleep(0.05)
        finally:
            connection.close()
    raise RuntimeError(f"the server is not ready on port {port}; its log: {log.read_text(errors='replace')}")
