from __future__ import annotations

import platform
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from pytest_npuperf.adapter.interpreter import find_python
from pytest_npuperf.errors import InstallError


def test_the_interpreter_describes_itself(tmp_path: Path) -> None:
    (tmp_path / "python3").symlink_to(Path(sys.executable).resolve())
    python = find_python({"PATH": str(tmp_path)}, tmp_path)
    assert python.executable == tmp_path / "python3"
    assert python.version == platform.python_version()
    assert python.environment is None
    assert python.has_ensurepip


def test_a_virtual_environment_is_recognized(tmp_path: Path) -> None:
    home = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    python = find_python({"PATH": str(home / "bin")}, tmp_path)
    assert python.environment == home
    variables = {"base": str(home), "platbase": str(home)}
    assert python.packages[0] == Path(sysconfig.get_path("purelib", vars=variables))


def test_a_launcher_is_followed_to_its_interpreter(tmp_path: Path) -> None:
    launcher = tmp_path / "python3"
    launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    launcher.chmod(0o755)
    assert find_python({"PATH": str(tmp_path)}, tmp_path).executable == Path(sys.executable)


def test_modules_in_the_adapter_do_not_disturb(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('shadowed')")
    path = str(Path(sys.executable).parent)
    assert find_python({"PATH": path, "PYTHONPATH": str(tmp_path)}, tmp_path).version


def test_no_interpreter_is_an_error_that_names_the_path(tmp_path: Path) -> None:
    with pytest.raises(
        InstallError, match=rf"needs a python3 on the PATH.*'{tmp_path}' has none.*install=never"
    ):
        find_python({"PATH": str(tmp_path)}, tmp_path)


def test_an_interpreter_that_does_not_run_is_an_error(tmp_path: Path) -> None:
    broken = tmp_path / "python3"
    broken.write_text("#!/bin/sh\necho 'pyenv: no version chosen' >&2\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(InstallError, match=rf"{broken}.* does not run: pyenv: no version chosen"):
        find_python({"PATH": str(tmp_path)}, tmp_path)
