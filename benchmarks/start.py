"""Measures what pytest adds around a load."""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from benchmarks.page import PAGE, provenance, replaced
from benchmarks.scenario import SCENARIOS
from benchmarks.server import SIMULATOR, Server

__all__ = ["COLUMNS", "durations_table"]

COLUMNS = ("seconds", "median", "lowest", "highest", "runs")

_SCENARIO = SCENARIOS["64"]
_CASES = f"""\
cases:
  - name: load
    dataset: {{synthetic: {{input_tokens: 16, output_tokens: {_SCENARIO.tokens}}}}}
    load: {{concurrency: {_SCENARIO.streams}}}
    warmup: {_SCENARIO.streams}
    requests: {_SCENARIO.requests}
"""
_PLUGINS = ("-p", "pytest_asyncio", "-p", "pytest_npuperf.plugin")
_TEST = "def test_nothing():\n    pass\n"
_Duration = TypeVar("_Duration", float, tuple[float, float])

_LOG = "pytest.log"
_TIMEOUT = 120.0


def durations_table(durations: dict[str, Sequence[float]]) -> str:
    """What took how long, as Markdown; seconds."""
    lines = [COLUMNS, ("---", *("---:",) * (len(COLUMNS) - 1))]
    for name, values in durations.items():
        figures = (statistics.median(values), min(values), max(values))
        lines.append((name, *(f"{figure:.2f}" for figure in figures), str(len(values))))
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def main(arguments: Sequence[str]) -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.start", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="of each (%(default)s)")
    parser.add_argument("--write", action="store_true", help="write the result into benchmarks/README.md")
    given = parser.parse_args(arguments)
    bare = _repeated(_bare_run, given.runs)
    first_byte = _repeated(_first_byte, given.runs)
    written, ended = zip(*_repeated(_after_load, given.runs), strict=True)
    durations = {
        "a bare pytest run, no plugin": bare,
        "pytest's start to the first byte of a request": first_byte,
        f"last token to report written, {_SCENARIO.requests} requests": written,
        f"last token to pytest's end, {_SCENARIO.requests} requests": ended,
    }
    content = f"{provenance('benchmarks.start', arguments)}\n\n{durations_table(durations)}"
    sys.stdout.write(f"{content}\n")
    if given.write:
        PAGE.write_text(replaced(PAGE.read_text(), "start", content))


def _repeated(measure: Callable[[Path], _Duration], runs: int) -> list[_Duration]:
    durations = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory(prefix="npuperf-benchmarks-") as directory:
            durations.append(measure(Path(directory)))
    return durations


def _pytest(directory: Path, *arguments: str) -> subprocess.Popen[bytes]:
    (directory / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    # only the plugins that are named: a development environment has others, and slow ones
    environ = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    with (directory / _LOG).open("wb") as log:
        return subprocess.Popen(command, cwd=directory, env=environ, stdout=log, stderr=log)


def _wait(process: subprocess.Popen[bytes], directory: Path) -> None:
    if code := process.wait(_TIMEOUT):
        log = (directory / _LOG).read_text(errors="replace")
        raise RuntimeError(f"pytest ended with exit code {code}:\n{log}")


def _bare_run(directory: Path) -> float:
    (directory / "test_nothing.py").write_text(_TEST)
    start = time.monotonic()
    _wait(_pytest(directory), directory)
    return time.monotonic() - start


def _first_byte(directory: Path) -> float:
    (directory / "npuperf.yaml").write_text(_CASES)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(_TIMEOUT)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        start = time.monotonic()
        process = _pytest(directory, *_PLUGINS, f"--npuperf-base-url={url}")
        try:
            # a connection that only looks whether somebody listens brings no byte
            received = b""
            while not received:
                connection, _ = listener.accept()
                with connection:
                    received = connection.recv(1)
                    moment = time.monotonic()
        finally:
            process.kill()
            process.wait()
    return moment - start


def _after_load(directory: Path) -> tuple[float, float]:
    """From the last token sent until the report was written, and until pytest ended; seconds."""
    (directory / "npuperf.yaml").write_text(_CASES)
    reports = directory / "reports"
    with Server.run(SIMULATOR, _SCENARIO, cpus=os.sched_getaffinity(0), directory=directory) as server:
        url = f"http://127.0.0.1:{server.port}"
        options = (f"--npuperf-base-url={url}", f"--npuperf-report-dir={reports}")
        process = _pytest(directory, *_PLUGINS, *options)
        _wait(process, directory)
        ended, ended_wall_clock = time.monotonic_ns(), time.time_ns()
    last_token = server.truth().last
    written = ended - (ended_wall_clock - max(path.stat().st_mtime_ns for path in reports.rglob("*")))
    return (written - last_token) / 1e9, (ended - last_token) / 1e9


if __name__ == "__main__":
    main(sys.argv[1:])
