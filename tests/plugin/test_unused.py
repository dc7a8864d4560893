"""Installed but unused, the plugin costs and shows nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("numpy", "pandas", "plotly", "yaml", "httpx", "msgspec", "tabulate", "psutil", "httptools", "uvloop")

PROBE = """
import sys
import pytest

class Probe:
    def pytest_unconfigure(self):
        print("loaded:", [name for name in {heavy!r} if name in sys.modules])

raise SystemExit(pytest.main(["-p", "no:hypothesispytest", "-p", "no:anyio"], plugins=[Probe()]))
"""


@pytest.fixture
def plain_project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makepyfile(test_plain="def test_plain():\n    pass\n")
    return pytester


def run_plain(pytester: pytest.Pytester, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=pytester.path, capture_output=True, text=True, check=False
    )


def test_nothing_heavy_is_imported(plain_project: pytest.Pytester) -> None:
    done = run_plain(plain_project, "-c", PROBE.format(heavy=HEAVY))
    assert done.returncode == 0, done.stderr
    assert "loaded: []" in done.stdout


def test_it_leaves_no_trace(plain_project: pytest.Pytester) -> None:
    before = {path.name for path in plain_project.path.iterdir()}
    done = run_plain(plain_project, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error")
    after = {path.name for path in plain_project.path.iterdir()} - {"__pycache__"}
    assert done.returncode == 0
    assert after == before
    assert done.stderr == ""
    assert "warning" not in done.stdout.lower()
    ours = [line for line in done.stdout.splitlines() if "npuperf" in line]
    assert [line.partition(":")[0] for line in ours] == ["plugins"]


def test_it_can_be_taken_out(plain_project: pytest.Pytester) -> None:
    done = run_plain(plain_project, "-m", "pytest", "-p", "no:npuperf", "--npuperf-port=1")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "unrecognized arguments" in done.stderr


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_works_although_a_setting_is_wrong(plain_project: pytest.Pytester, option: str) -> None:
    done = run_plain(plain_project, "-m", "pytest", "--npuperf-port=none", option)
    assert done.returncode == 0, done.stderr
