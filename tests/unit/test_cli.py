from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_npuperf import __version__
from pytest_npuperf.cli import main


def helped(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command prints and ends after."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command says that takes these arguments for wrong."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    return capsys.readouterr().err


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert helped(capsys, "--version") == f"npuperf {__version__}\n"


def test_a_command_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    assert "COMMAND" in refused(capsys)


@pytest.mark.parametrize("command", ["simulate", "calibrate", "judge", "compare", "noise", "report", "view"])
def test_every_command_is_listed(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert command in [
        line.split()[0] for line in helped(capsys, "--help").splitlines() if line[:4] == "    "
    ]


@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("simulate", "--ttft"),
        ("calibrate", "--streams"),
        ("judge", "--slo"),
        ("compare", "--between"),
        ("noise", "-- PYTEST-ARGUMENTS"),
    ],
)
def test_a_command_lists_its_settings(capsys: pytest.CaptureFixture[str], command: str, option: str) -> None:
    assert option in helped(capsys, command, "--help")


@pytest.mark.parametrize("command", ["judge", "compare", "noise"])
def test_every_option_is_on_the_page(capsys: pytest.CaptureFixture[str], command: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    _, section = page.split(f"\n## {command}\n")
    usage = section.split("```")[1]
    options = set(re.findall(r"--[a-z]+", helped(capsys, command, "--help"))) - {"--help"}

    assert options == set(re.findall(r"--[a-z]+", usage))


@pytest.mark.parametrize("arguments", [("judge",), ("compare", "a"), ("noise",), ("noise", "3", "tests")])
def test_arguments_that_do_not_fit_are_refused(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert "error: " in refused(capsys, *arguments)


def test_what_stands_behind_the_dashes_is_not_the_command_s_own(capsys: pytest.CaptureFixture[str]) -> None:
    error = refused(capsys, "noise", "1", "--", "--help", "--name", "a b", "--", "x")
    assert "1 runs do not show" in error


def test_the_command_itself_loads_nothing_heavy() -> None:
    heavy = "{'numpy', 'pandas', 'httpx', 'plotly', 'tabulate', 'pytest'}"
    code = (
        "import contextlib, sys\nfrom pytest_npuperf.cli import main\n"
        "with contextlib.suppress(SystemExit):\n    main(['--version'])\n"
        f"print(sorted({heavy} & sys.modules.keys()))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.splitlines()[-1] == "[]"
