"""``--npuperf-model``: an adapter repository, deployed, measured and taken down again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Deploy = Callable[..., pytest.RunResult]


@pytest.fixture
def adapter(pytester: pytest.Pytester, port: int) -> Path:
    """An adapter repository whose deploy.sh starts the simulator, with weights beside it."""
    (pytester.path / "deploy.sh").write_text(
        "#!/bin/sh\nset -e\n"
        'echo "=== MODEL_PATH set to: $MODEL_PATH ==="\n'
        f"{sys.executable} -m pytest_npuperf.cli simulate --port {port} "
        '--model "$MODEL_PATH" --ttft 10ms --itl 2ms --output-tokens 8\n'
    )
    weights = pytester.mkdir("weights")
    (weights / "model.bin").write_bytes(b"weights")
    return pytester.path


@pytest.fixture
def deploy(pytester: pytest.Pytester, port: int) -> Deploy:
    def run(*arguments: str) -> pytest.RunResult:
        return pytester.runpytest_subprocess("--npuperf-model=weights", f"--npuperf-port={port}", *arguments)

    return run


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_it_is_deployed_measured_and_taken_down(
    adapter: Path, deploy: Deploy, port: int, pytester: pytest.Pytester, summary_of: Callable[..., Any]
) -> None:
    result = deploy()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["npuperf: model weights (from option), seed *", "*gsm8kdataset:"])
    assert not is_listening(port)
    summary = summary_of(pytester)
    assert summary["server"]["model"] == str(adapter / "weights")
    (log,) = adapter.glob(".npuperf/reports/*/logs/deploy.log")
    assert f"MODEL_PATH set to: {adapter / 'weights'}" in log.read_text()


def test_the_server_is_started_once_for_all_cases(adapter: Path, deploy: Deploy) -> None:
    (adapter / "npuperf.yaml").write_text("defaults: {requests: 1}\ncases: [{name: one}, {name: two}]\n")
    (adapter / "test_three.py").write_text(
        "async def test_three(npuperf):\n    await npuperf.run(requests=1)\n"
    )
    deploy().assert_outcomes(passed=3)
    (log,) = adapter.glob(".npuperf/reports/*/logs/deploy.log")
    assert log.read_text().count("MODEL_PATH set to") == 1


def test_variables_of_the_case_file_reach_deploy_sh(adapter: Path, deploy: Deploy) -> None:
    script = adapter / "deploy.sh"
    script.write_text(script.read_text().replace("set -e\n", 'set -e\necho "space is $SPACE"\n'))
    (adapter / "npuperf.yaml").write_text("server: {env: {SPACE: 2}}\ncases: [{name: one, requests: 1}]\n")
    deploy().assert_outcomes(passed=1)
    (log,) = adapter.glob(".npuperf/reports/*/logs/deploy.log")
    assert "space is 2" in log.read_text()


def test_a_deployment_that_dies_is_an_error_of_each_case(adapter: Path, deploy: Deploy) -> None:
    (adapter / "deploy.sh").write_text("#!/bin/sh\necho out of memory\nexit 7\n")
    (adapter / "npuperf.yaml").write_text("cases: [{name: one}, {name: two}]\n")
    (adapter / "test_plain.py").write_text("def test_plain(): pass\n")
    result = deploy()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=1, errors=2)
    result.stdout.fnmatch_lines(["*deploy.sh*7*", "*out of memory*"])
    assert "Traceback" not in result.stdout.str()
    assert "fixtures.py" not in result.stdout.str()


def test_a_repository_without_deploy_sh_says_so(adapter: Path, deploy: Deploy) -> None:
    (adapter / "deploy.sh").unlink()
    result = deploy()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*deploy.sh*"])


@pytest.mark.usefixtures("adapter")
def test_a_port_in_use_names_who_holds_it(deploy: Deploy, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        result = deploy()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*{port}*{os.getpid()}*"])


def test_nothing_is_left_when_pytest_is_killed(
    adapter: Path, port: int, wait_for: Callable[[Callable[[], object]], None]
) -> None:
    (adapter / "npuperf.yaml").write_text("cases: [{name: long, requests: 100000}]\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "--npuperf-model=weights", f"--npuperf-port={port}"],
        cwd=adapter,
        stdout=subprocess.DEVNULL,
    )
    wait_for(lambda: is_listening(port))
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_for(lambda: not is_listening(port))
