"""An adapter repository with the workflows of examples/ci, and builds of its branches.

The simulator serves, git clones the branches, and folders stand for what a CI system keeps. The
two commands that install the plugin from the network are replaced by links to what is installed.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from junitparser import JUnitXml

EXAMPLES = Path(__file__).parents[3] / "examples" / "ci"
PLACES = {"github.yml": ".github/workflows/npuperf.yml", "gitlab-ci.yml": ".gitlab-ci.yml"}
NOT_PASSED_ON = ("PYTEST", "NPUPERF", "GITHUB_", "GITLAB_", "JENKINS_", "CI", "COV_")
INSTALLED = Path(sys.executable).parent
STUB = """#!/bin/sh
mkdir -p .npuperf/baselines/main
touch ".npuperf/baselines/main/$STUB_RUN.json.gz"
exit "$STUB_EXIT"
"""
RELATIVE = {
    "ttft.avg <= baseline + 10 %",
    "ttft.p90 <= baseline + 10 %",
    "output_token_throughput >= baseline - 10 %",
}


@dataclass(frozen=True, kw_only=True)
class Build:
    """One build: a fresh clone, and the folders in which the CI system keeps things."""

    checkout: Path
    number: int
    is_main: bool
    kept: Path
    """Outlives the build: caches, and the home directory of the node."""
    artifacts: Path
    environ: Mapping[str, str]
    commands: Path
    """The folder of `pytest` and `npuperf`."""
    output: list[str] = field(default_factory=list)

    def run(self, *command: str) -> bool:
        """Whether a shell was content with a script, its last argument."""
        *shell, script = command
        result = subprocess.run(
            [*shell, self._without_network(script)],
            cwd=self.checkout,
            env=dict(self.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        self.output.append(f"$ {script}\n{result.stdout}{result.stderr}")
        return result.returncode == 0

    def keep(self, patterns: Iterable[str]) -> None:
        """Put files and folders of the checkout among the artifacts."""
        for pattern in patterns:
            for path in self.checkout.glob(pattern):
                self.copy(path, self.artifacts / path.relative_to(self.checkout))

    def copy(self, source: Path, target: Path) -> None:
        """Copy a file or a folder; nothing where there is none."""
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        elif source.exists():
            shutil.copy2(source, target)

    def with_environ(self, **variables: str) -> Build:
        return replace(self, environ={**self.environ, **variables})

    def _without_network(self, script: str) -> str:
        return script.replace("python3 -m venv .venv", "mkdir -p .venv/bin").replace(
            ".venv/bin/pip install pytest-npuperf",
            f"ln -s '{self.commands}/pytest' '{self.commands}/npuperf' .venv/bin",
        )

    @property
    def baseline(self) -> list[str]:
        """The files that the CI system keeps for later builds."""
        return sorted(path.name for path in self.kept.rglob("*.json.gz"))

    @property
    def outcomes(self) -> dict[str, str]:
        """Outcome of each budget, from the report among the artifacts."""
        (summary,) = (self.artifacts / ".npuperf" / "reports").glob("*/summary.json")
        (case,) = json.loads(summary.read_text())["cases"]
        return {verdict["expression"]: verdict["outcome"] for verdict in case["verdicts"]}

    @property
    def failures(self) -> list[str]:
        """Messages of the failed tests, from the JUnit XML among the artifacts."""
        suites = JUnitXml.fromfile(str(self.artifacts / "junit.xml"))
        return [failure.message for suite in suites for case in suite for failure in case.result]


Builder = Callable[..., Build]
Run = Callable[[Build], bool]
"""A CI system: runs a build, and says whether it was green."""


@pytest.fixture(scope="session")
def examples() -> Path:
    return EXAMPLES


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter repository; its branch `same` changes nothing, on `slower` all takes twice as long."""
    path = tmp_path_factory.mktemp("adapter")
    for file in filter(Path.is_file, EXAMPLES.iterdir()):
        place = path / PLACES.get(file.name, file.name)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, place)

    def git(*arguments: str) -> None:
        author = ("-c", "user.name=adapter", "-c", "user.email=adapter@example.com")
        subprocess.run(["git", *author, *arguments], cwd=path, check=True, capture_output=True)

    git("init", "-b", "main")
    git("add", "-A")
    git("commit", "-m", "adapter")
    git("branch", "same")
    git("checkout", "-b", "slower")
    script = path / "deploy.sh"
    text = script.read_text()
    slower = text.replace("--ttft 200ms --itl 5ms", "--ttft 400ms --itl 10ms")
    assert slower != text
    script.write_text(slower)
    git("commit", "-a", "-m", "slower")
    return path


@pytest.fixture
def build(repository: Path, tmp_path: Path) -> Builder:
    """Begins a build of a branch; keyword arguments are environment variables."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    weights = tmp_path / "weights"
    weights.mkdir()
    (weights / "model.bin").write_bytes(b"weights")
    numbers = itertools.count(1)

    def begin(branch: str, *, commands: Path = INSTALLED, **environ: str) -> Build:
        number = next(numbers)
        checkout, kept, artifacts = (
            tmp_path / name for name in (f"checkout-{number}", "kept", f"artifacts-{number}")
        )
        kept.mkdir(exist_ok=True)
        artifacts.mkdir()
        clone = ("git", "clone", "-q", "-b", branch, str(repository), str(checkout))
        subprocess.run(clone, check=True, capture_output=True)
        own = {name: value for name, value in os.environ.items() if not name.startswith(NOT_PASSED_ON)}
        given = {
            "MODEL_PATH": str(weights),
            "PORT": port,
            "NPUPERF_PORT": port,
            # what else runs on this machine may keep the client busy, and is not what this is about
            "NPUPERF_CLIENT_HEALTH": "warn",
            # an installation that is not replaced fails instead of reaching for the network
            "PIP_NO_INDEX": "1",
        }
        return Build(
            checkout=checkout,
            number=number,
            is_main=branch == "main",
            kept=kept,
            artifacts=artifacts,
            environ={**own, **given, **environ},
            commands=commands,
        )

    return begin


@pytest.fixture
def gate(build: Builder) -> Callable[[Run], list[Build]]:
    """Builds main, then two pull requests, and checks what becomes of them; returns the builds."""

    def check(run: Run) -> list[Build]:
        main = build("main")
        assert run(main), main.output
        stored = main.baseline
        assert len(stored) == 1

        same = build("same")
        assert run(same), same.output
        assert same.failures == []
        assert same.outcomes.keys() > RELATIVE
        assert set(same.outcomes.values()) == {"pass"}

        slower = build("slower")
        assert not run(slower), slower.output
        assert {budget for budget, outcome in slower.outcomes.items() if outcome == "fail"} == RELATIVE
        (message,) = slower.failures
        assert message.startswith("broken: ttft.avg <= baseline + 10 % ")
        assert slower.baseline == stored
        return [main, same, slower]

    return check


@pytest.fixture
def keeping(build: Builder, tmp_path: Path) -> Callable[[Run], None]:
    """Checks which runs stay in the baseline, with a stub that measures nothing in pytest's place."""
    commands = tmp_path / "commands"
    commands.mkdir()
    stub = commands / "pytest"
    stub.write_text(STUB)
    stub.chmod(0o755)

    def check(run: Run) -> None:
        def baseline_with(name: str, *, code: int = 0) -> list[str]:
            main = build("main", commands=commands, STUB_RUN=name, STUB_EXIT=str(code))
            assert run(main) == (code == 0), main.output
            return sorted(file.name.removesuffix(".json.gz") for file in main.checkout.rglob("*.json.gz"))

        assert baseline_with("1") == ["1"]
        assert baseline_with("2-red", code=1) == ["1", "2-red"]
        assert baseline_with("3") == ["1", "3"]
        days_15_ago = time.time() - 15 * 24 * 3600
        for file in (tmp_path / "kept").rglob("1.json.gz"):
            os.utime(file, (days_15_ago, days_15_ago))
        assert baseline_with("4") == ["3", "4"]
        assert baseline_with("5") == ["3", "4", "5"]

    return check
