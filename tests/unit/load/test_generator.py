from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from pytest_npuperf.load.plan import LoadPlan
from pytest_npuperf.load.workspace import write_plan

MakePlan = Callable[..., LoadPlan]
WaitFor = Callable[[Callable[[], object]], None]

STARTER = """
import subprocess, sys

subprocess.Popen(
    [sys.executable, "-m", "pytest_npuperf.load.generator", sys.argv[1], str(__import__("os").getpid())],
    stdin=subprocess.PIPE,
)
sys.stdin.read()
"""


@pytest.fixture
def directory(simulate: Callable[..., Any], make_plan: MakePlan) -> Iterator[Path]:
    """A workspace whose load would never end."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as parent:
        directory = Path(parent) / "workspace"
        directory.mkdir()
        write_plan(directory, make_plan(simulate(ttft=600.0).url, requests=1), [b"{}"])
        yield directory


def runs(directory: Path) -> bool:
    return (directory / "spool-000000").exists()


def test_the_generator_ends_in_order_with_its_standard_input(directory: Path, wait_for: WaitFor) -> None:
    command = [sys.executable, "-m", "pytest_npuperf.load.generator", str(directory), str(os.getpid())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        wait_for(lambda: runs(directory))

        _, errors = process.communicate(timeout=30)

    assert (process.returncode, errors) == (0, b"")
    assert runs(directory), "the directory is left to the process that made it"


def test_the_generator_of_a_process_that_was_killed_ends_and_removes_its_directory(
    directory: Path, wait_for: WaitFor
) -> None:
    with subprocess.Popen([sys.executable, "-c", STARTER, str(directory)], stdin=subprocess.PIPE) as starter:
        wait_for(lambda: runs(directory))
        (generator,) = psutil.Process(starter.pid).children()
        starter.send_signal(signal.SIGKILL)

    wait_for(lambda: not directory.exists())
    wait_for(lambda: not generator.is_running() or generator.status() == psutil.STATUS_ZOMBIE)
