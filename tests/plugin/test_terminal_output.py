"""The lines and tables on the terminal: ``--npuperf-stats``, ``-v``, ``-q``, colours, sparklines."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_npuperf.errors import SettingsError
from pytest_npuperf.options import read_settings

BLOCKS = re.compile("[▁▂▃▄▅▆▇█]")
PLATFORM_COLUMNS = "Average,Min,Max,Median,P75,P90,P99"
OnTerminal = Callable[..., str]

CASES = """
defaults: {requests: 6, max_tokens: 2, warmup: 0}
cases:
  - name: chat
    load: {concurrency: [1, 2]}
    slo: [e2el.p99 < 1 min]
"""


@pytest.fixture(autouse=True)
def cases(pytester: pytest.Pytester) -> None:
    (pytester.path / "npuperf.yaml").write_text(CASES)


@pytest.fixture
def on_terminal(pytester: pytest.Pytester) -> OnTerminal:
    """Runs pytest on a terminal; what it wrote."""
    pty = pytest.importorskip("pty", reason="it takes a terminal of POSIX")

    def run(*arguments: str, **variables: str) -> str:
        outside = ("CI", "BUILD_NUMBER", "NO_COLOR", "FORCE_COLOR", "PY_COLORS")
        environ = {name: value for name, value in os.environ.items() if name not in outside}
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            [sys.executable, "-m", "pytest", *arguments],
            cwd=pytester.path,
            env={**environ, "TERM": "xterm", "PYTHONUTF8": "1", **variables},
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
        ):
            os.close(theirs)
            return _read_all(ours).decode()

    return run


def _read_all(terminal: int) -> bytes:
    content = b""
    try:
        while piece := os.read(terminal, 65536):
            content += piece
    except OSError:  # Linux: the other side is closed
        pass
    finally:
        os.close(terminal)
    return content


def columns_of(output: str) -> str:
    """The statistics of the first Performance Parameters table."""
    header = next(line for line in output.splitlines() if line.startswith("│ Performance Parameters"))
    return ",".join(cell.strip() for cell in header.strip("│").split("│")[2:-1])


def test_verdict_lines_stand_above_the_tables(pytester: pytest.Pytester, server: Any) -> None:
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}", "--junitxml=junit.xml")
    result.assert_outcomes(passed=2)
    result.stdout.re_match_lines(
        [
            "=+ serving performance =+",
            r"PASSED  chat-concurrency-1  2 budgets kept  e2el [\d.]+ ms \.\. [\d.]+ ms \(N 6\)",
            r"PASSED  chat-concurrency-2  2 budgets kept  e2el [\d.]+ ms \.\. [\d.]+ ms \(N 6\)",
            "Performance Results of task: vllm-api-stream-chat/chat-concurrency-1:",
        ],
        consecutive=True,
    )
    assert columns_of(result.stdout.str()) == PLATFORM_COLUMNS
    assert not BLOCKS.search(result.stdout.str())
    assert not BLOCKS.search((pytester.path / "junit.xml").read_text(encoding="utf-8"))


def test_quiet_has_no_verdict_lines(pytester: pytest.Pytester, server: Any) -> None:
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}", "-q")
    result.assert_outcomes(passed=2)
    assert not re.search("^PASSED", result.stdout.str(), re.MULTILINE)
    result.stdout.fnmatch_lines(["vllm-api-stream-chat/chat-concurrency-1: TTFT avg *"])


def test_verbose_adds_percentiles_and_marks(pytester: pytest.Pytester, server: Any) -> None:
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}", "-v")
    assert columns_of(result.stdout.str()) == "Average,Min,Max,Median,P50,P75,P90,P95,P99,P99.9"
    result.stdout.fnmatch_lines(["│ TTFT *ms[*] *", "[*] rests on too few requests for that percentile"])


def test_chosen_columns_are_the_terminal_s_alone(
    pytester: pytest.Pytester, server: Any, report_of: Callable[[pytest.Pytester], Path]
) -> None:
    result = pytester.runpytest_subprocess(
        f"--npuperf-base-url={server.url}", "--npuperf-stats", "Average, p50,P99.9", "-v"
    )
    result.assert_outcomes(passed=2)
    assert columns_of(result.stdout.str()) == "Average,P50,P99.9"
    for file in (report_of(pytester) / "performance").glob("*/*.csv"):
        header, *_ = file.read_text().splitlines()
        assert header == f"Performance Parameters,Stage,{PLATFORM_COLUMNS},N"


def test_columns_can_stand_in_the_ini_file(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nnpuperf_stats = max,P5,Max\n")
    assert read_settings(pytester.parseconfig(), {}).stats == ("Max", "P5")
    assert read_settings(pytester.parseconfig("--npuperf-stats=Min"), {}).stats == ("Min",)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("Avreage", "unknown statistic 'Avreage'; did you mean 'Average'?; allowed are Average, Min, Max"),
        ("P50,mean", "unknown statistic 'Mean'; did you mean 'Average'?"),
        ("avg", "unknown statistic 'Avg'; did you mean 'Average'?"),
        ("P100", "unknown statistic 'P100'; did you mean 'Max'?"),
        ("P99,", "unknown statistic ''; allowed are"),
        ("P50 P99", "or P99.9, with commas between them"),
        ("\x1b[31m", r"unknown statistic '\x1b[31m'; allowed are"),
        ("", "--npuperf-stats is empty"),
    ],
)
def test_a_wrong_column_is_named_with_the_nearest(
    pytester: pytest.Pytester, names: str, message: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(pytester.parseconfig(f"--npuperf-stats={names}"), {})
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_wrong_column_is_a_usage_error(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("--npuperf-stats=P50,Mena")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --npuperf-stats: 'P50,Mena' is not valid: *did you mean *"])


def test_a_terminal_has_sparklines_and_the_outcome_in_colour(on_terminal: OnTerminal, server: Any) -> None:
    output = on_terminal(f"--npuperf-base-url={server.url}", "--npuperf-slo", "tpot.avg < 0.001 us")
    lines = re.findall(r"^\x1b\[31mFAILED\x1b\[0m  (chat-concurrency-\d.*)$", output, re.MULTILINE)
    assert [line.split()[0] for line in lines] == ["chat-concurrency-1", "chat-concurrency-2"]
    assert all("2 of 3 budgets kept  tpot " in line and BLOCKS.search(line) for line in lines)
    assert "\x1b" not in "".join(lines)


def test_no_color_and_the_log_of_a_ci_system_are_respected(on_terminal: OnTerminal, server: Any) -> None:
    output = on_terminal(f"--npuperf-base-url={server.url}", "--color=auto", NO_COLOR="1", CI="true")
    assert re.search(r"^PASSED  chat-concurrency-1  2 budgets kept  e2el .* \.\. ", output, re.MULTILINE)
    assert "\x1b[3" not in output
    assert not BLOCKS.search(output)


def test_a_file_has_colours_where_they_are_asked_for(pytester: pytest.Pytester, server: Any) -> None:
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}", "--color=yes")
    assert re.search(
        r"^\x1b\[3[23]mPASSED\x1b\[0m  chat-concurrency-1 .* \.\. ", result.stdout.str(), re.MULTILINE
    )


def test_a_name_with_control_characters_is_refused_and_not_printed(
    pytester: pytest.Pytester, server: Any
) -> None:
    (pytester.path / "npuperf.yaml").write_text(
        'cases:\n  - {name: "a\\e]0;title\\a\\e[31mb\\r", requests: 1, slo: tpot.avg < 0.001 us}\n'
    )
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}", "-v")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*npuperf.yaml:2: cases[[]0].name: *characters that cannot be printed*"])
    assert "\x1b" not in result.stdout.str()


def test_no_control_character_of_a_path_reaches_the_header(pytester: pytest.Pytester) -> None:
    weights = pytester.mkdir("we\x1b[31mights")
    result = pytester.runpytest_subprocess(f"--npuperf-model={weights}", "--collect-only")
    result.stdout.fnmatch_lines([r"npuperf: model '*we\x1b[[]31mights' (from option), *"])
