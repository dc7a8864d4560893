"""Ctrl-C, and worse."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

LIMIT = 30.0

SLOW_CASE = """
cases:
  - name: slow
    dataset: {synthetic: {input_tokens: 20, output_tokens: 8}}
    requests: 10000
"""


@pytest.fixture
def running(
    pytester: pytest.Pytester, server: Any, wait_for: Callable[[Callable[[], object]], None]
) -> Iterator[subprocess.Popen[str]]:
    """A pytest run that measures for a long time, some requests into it."""
    pytester.makefile(".yaml", npuperf=SLOW_CASE)
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", f"--npuperf-base-url={server.url}"],
        cwd=pytester.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    # some ask whether it is ready, how it counts, and warm it up
    wait_for(lambda: len(server.requests()) > 20)
    yield process
    process.kill()
    process.communicate()


def test_ctrl_c_keeps_what_was_measured(
    running: subprocess.Popen[str], pytester: pytest.Pytester, report_of: Callable[[pytest.Pytester], Path]
) -> None:
    generator = psutil.Process(running.pid).children()
    running.send_signal(signal.SIGINT)
    output, _ = running.communicate(timeout=LIMIT)
    assert running.returncode == pytest.ExitCode.INTERRUPTED
    assert "KeyboardInterrupt" in output
    assert "Performance Results of task: vllm-api-stream-chat/slow" in output
    summary = json.loads((report_of(pytester) / "summary.json").read_text())
    assert summary["stopped"] is True
    details = json.loads(next(report_of(pytester).rglob("slow_details.json")).read_text())
    assert 5 < len(details) < 10000
    assert all(request["success"] for request in details)
    assert generator
    assert not psutil.wait_procs(generator, timeout=LIMIT)[1]


def test_the_load_generator_dies_with_pytest(running: subprocess.Popen[str]) -> None:
    generator = psutil.Process(running.pid).children()
    assert generator
    os.kill(running.pid, signal.SIGKILL)
    assert not psutil.wait_procs(generator, timeout=LIMIT)[1]
