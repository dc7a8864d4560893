from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pytest_npuperf.environment import describe_environment


@pytest.mark.parametrize(
    "command", [["--npuperf-api-key=secret", "-v"], ["--npuperf-api-key", "secret", "-v"]]
)
def test_the_api_key_is_left_out_of_the_command(tmp_path: Path, command: list[str]) -> None:
    described = describe_environment(tmp_path, command, seed=3)
    assert "secret" not in str(described)
    assert described["command"][0] == "pytest"
    assert described["command"][-1] == "-v"
    assert described["seed"] == 3


def test_a_commit_is_named_with_whether_it_was_changed(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        options = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
        done = subprocess.run(
            ["git", "-C", str(tmp_path), *options, *arguments], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    assert describe_environment(tmp_path, [], seed=0)["git"] is None
    git("init", "-q")
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "-qm", "one")
    commit = git("rev-parse", "HEAD")
    assert describe_environment(tmp_path, [], seed=0)["git"] == {"commit": commit, "dirty": False}
    (tmp_path / "file").write_text("two")
    assert describe_environment(tmp_path, [], seed=0)["git"] == {"commit": commit, "dirty": True}


def test_the_npu_is_described_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASCEND_TOOLKIT_HOME", raising=False)
    assert describe_environment(tmp_path, [], seed=0)["npu"] is None
    tool = tmp_path / "npu-smi"
    tool.write_text("#!/bin/sh\necho 910B\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    npu = describe_environment(tmp_path, [], seed=0)["npu"]
    assert npu["npu_smi"] == "910B"
