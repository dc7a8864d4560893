from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_npuperf.load.feed import Feed
from pytest_npuperf.load.plan import LoadPlan, PlannedRequest
from pytest_npuperf.load.standard_input import END
from pytest_npuperf.load.workspace import write_plan

MakePlan = Callable[..., LoadPlan]
WaitFor = Callable[[Callable[[], object]], None]


@pytest.fixture
def directory(
    simulate: Callable[..., Any], make_plan: MakePlan, make_request: Callable[..., PlannedRequest]
) -> Iterator[Path]:
    """A workspace whose load would never end."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as parent:
        directory = Path(parent) / "workspace"
        directory.mkdir()
        plan = make_plan(simulate(ttft=600.0).url, requests=1)
        write_plan(directory, plan)
        Feed(directory, plan, [make_request("say it")]).top_up(0)
        yield directory


def runs(directory: Path) -> bool:
    return (directory / "spool-000000").exists()


@pytest.fixture
def generator(directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The generator of that workspace, ended at the end of the test."""
    command = [sys.executable, "-m", "pytest_npuperf.load.generator", str(directory)]
    with subprocess.Popen(command, bufsize=0, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        yield process


def test_a_word_stops_the_generator_in_order(
    directory: Path, generator: subprocess.Popen[bytes], wait_for: WaitFor
) -> None:
    assert generator.stdin is not None
    assert generator.stderr is not None
    wait_for(lambda: runs(directory))

    generator.stdin.write(END)

    assert (generator.wait(30), generator.stderr.read()) == (0, b"")
    assert runs(directory), "the directory is left to the process that made it"


def test_the_end_of_its_input_stops_the_generator_which_then_removes_its_directory(
    directory: Path, generator: subprocess.Popen[bytes], wait_for: WaitFor
) -> None:
    wait_for(lambda: runs(directory))

    _, errors = generator.communicate(timeout=30)

    assert (generator.returncode, errors) == (0, b"")
    assert not directory.exists()


def test_a_generator_that_cannot_begin_removes_its_directory_when_it_is_alone(tmp_path: Path) -> None:
    directory = tmp_path / "workspace"
    directory.mkdir()
    command = [sys.executable, "-m", "pytest_npuperf.load.generator", str(directory)]

    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    assert ended.returncode == 1
    assert "plan.json" in ended.stderr
    assert not directory.exists()
