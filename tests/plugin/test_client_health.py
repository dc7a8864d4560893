"""A client that was the bottleneck says so, and nothing it measured is judged."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

PROCESSORS = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
SERVER_PROCESSOR, CLIENT_PROCESSOR = PROCESSORS[:2] if len(PROCESSORS) > 1 else (0, 0)

pytestmark = pytest.mark.skipif(
    len(PROCESSORS) < 2,
    reason="starving the client, and not the server, takes two processors and a way to choose between them",
)

STREAMS = 64
BUSY_PROCESSES = 16
LIMIT = 120.0

# The one budget passes, the other fails, whatever is measured.
CASE = f"""
cases:
  - name: starved
    dataset: {{synthetic: {{input_tokens: 20, output_tokens: 800}}}}
    load: {{concurrency: {STREAMS}}}
    requests: {STREAMS}
    warmup: 0
    slo: [itl.p99 < 60 min, ttft.p50 < 1 us]
"""


@contextmanager
def on_processor(processor: int) -> Iterator[None]:
    """What is started inside runs there, and so do its children."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {processor})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Wait for a condition, or for the end of a process that will not fulfil it any more."""
    deadline = time.monotonic() + LIMIT
    while process.poll() is None and not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def busy_processes() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes on the client's processor that keep it busy once they get a byte."""
    with on_processor(CLIENT_PROCESSOR):
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", "import sys\nsys.stdin.read(1)\nwhile True: pass"],
                bufsize=0,
                stdin=subprocess.PIPE,
            )
            for _ in range(BUSY_PROCESSES)
        ]
    yield processes
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def run_starved(
    pytester: pytest.Pytester,
    simulate: Callable[..., Any],
    busy_processes: list[subprocess.Popen[bytes]],
) -> Callable[..., tuple[int, list[str]]]:
    """Runs a case whose client, once it sends, has one part in 17 of a processor for 25,600 token/s.

    The server has a processor of its own. Returns the exit code and the lines on the terminal.
    """

    def run(*arguments: str) -> tuple[int, list[str]]:
        with on_processor(SERVER_PROCESSOR):
            server = simulate("--ttft", "50ms", "--itl", "2.5ms", "--output-tokens", "800")
        pytester.makefile(".yaml", npuperf=CASE)
        command = [sys.executable, "-m", "pytest", f"--npuperf-base-url={server.url}", *arguments]
        with on_processor(CLIENT_PROCESSOR):
            pytest_process = pytester.popen(command, stdin=subprocess.DEVNULL)

        def answers(state: str) -> int:
            return sum(request["outcome"] == state for request in server.requests())

        wait_until(lambda: answers("running") >= STREAMS // 2, pytest_process)
        for process in busy_processes:
            assert process.stdin is not None
            process.stdin.write(b"\n")
        # what comes after the load is not under test, and would be slow
        wait_until(lambda: answers("complete") >= STREAMS, pytest_process)
        for process in busy_processes:
            process.kill()
        output, _ = pytest_process.communicate(timeout=LIMIT)
        return pytest_process.returncode, output.decode().splitlines()

    return run


def test_a_starved_client_is_not_measured_and_no_budget_is_judged(
    pytester: pytest.Pytester,
    run_starved: Callable[..., tuple[int, list[str]]],
    summary_of: Callable[[pytest.Pytester], dict[str, Any]],
) -> None:
    exit_code, lines = run_starved()

    assert exit_code == pytest.ExitCode.TESTS_FAILED
    pytest.LineMatcher(lines).fnmatch_lines(
        [
            "starved: not measured: client-bound: *% of the reads held several chunks *",
            "FAILED npuperf.yaml::starved - starved: not measured: client-bound: *",
        ]
    )
    (case,) = summary_of(pytester)["cases"]
    assert case["client_health"]["state"] == "invalid"
    assert case["not_measured"].startswith("not measured: client-bound: ")
    assert case["verdicts"] == []


def test_with_warn_a_starved_client_is_judged_and_the_terminal_says_what_it_was(
    pytester: pytest.Pytester,
    run_starved: Callable[..., tuple[int, list[str]]],
    summary_of: Callable[[pytest.Pytester], dict[str, Any]],
) -> None:
    exit_code, lines = run_starved("--npuperf-client-health=warn")

    assert exit_code == pytest.ExitCode.TESTS_FAILED
    pytest.LineMatcher(lines).fnmatch_lines(
        ["CLIENT invalid: *% of the reads held several chunks *", "FAILED npuperf.yaml::starved - broken: *"]
    )
    (case,) = summary_of(pytester)["cases"]
    assert case["client_health"]["state"] == "invalid"
    assert case["not_measured"] == ""
    outcomes = {verdict["expression"]: verdict["outcome"] for verdict in case["verdicts"]}
    assert outcomes["itl.p99 < 60 min"] == "pass"
    assert outcomes["ttft.p50 < 1 us"] == "fail"
