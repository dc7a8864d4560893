"""A simulated server, and the pytest runs that measure it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

START_LIMIT = 30.0


class SimulatedServer:
    """A simulator in a process of its own, as a user would start it."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pytest_npuperf.cli", "simulate", "--port", "0", *arguments],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        announced = self.process.stderr.readline()
        match = re.search(r"http://[\w.]+:\d+", announced)
        assert match is not None, announced
        self.url = match[0]

    def requests(self, *, stamps: bool = False) -> list[dict[str, Any]]:
        """What the simulator really did for each chat request."""
        answer = httpx.get(
            f"{self.url}/simulator/requests", params={"stamps": 1} if stamps else {}, trust_env=False
        )
        found: list[dict[str, Any]] = answer.json()
        return found

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(START_LIMIT)
        assert self.process.stderr is not None
        self.process.stderr.close()


@pytest.fixture
def simulate() -> Iterator[Callable[..., SimulatedServer]]:
    """Starts simulators with the given command line options."""
    servers: list[SimulatedServer] = []

    def start(*arguments: str) -> SimulatedServer:
        servers.append(SimulatedServer(*arguments))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def server(simulate: Callable[..., SimulatedServer]) -> SimulatedServer:
    """A quick simulator: TTFT 10 ms, 2 ms between tokens, 8 tokens an answer."""
    return simulate("--ttft", "10ms", "--itl", "2ms", "--output-tokens", "8")


@pytest.fixture(autouse=True)
def quiet_asyncio(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\n")


@pytest.fixture
def report_of() -> Callable[[pytest.Pytester], Path]:
    """The one report directory that a run left."""

    def find(pytester: pytest.Pytester) -> Path:
        (directory,) = [path for path in (pytester.path / ".npuperf" / "reports").iterdir() if path.is_dir()]
        return directory

    return find


@pytest.fixture
def summary_of(report_of: Callable[[pytest.Pytester], Path]) -> Callable[[pytest.Pytester], dict[str, Any]]:
    """The summary.json that a run left."""

    def read(pytester: pytest.Pytester) -> dict[str, Any]:
        summary: dict[str, Any] = json.loads((report_of(pytester) / "summary.json").read_text())
        return summary

    return read
