"""What fails while the report is written takes nothing away that was measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ReportOf = Callable[[pytest.Pytester], Path]
SummaryOf = Callable[[pytest.Pytester], dict[str, Any]]

BREAK = """
def broken(*args, **kwargs):
    raise RuntimeError("it is broken")

import {module}
{module}.{name} = broken
"""
RAISING_HOOK = """
def pytest_npuperf_write_report(record, directory):
    {statement}
"""


def run(pytester: pytest.Pytester, server: Any, *options: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess(
        f"--npuperf-base-url={server.url}", "--npuperf-client-health=warn", *options
    )


def assert_told(result: pytest.RunResult, error: str = "RuntimeError: it is broken") -> None:
    """The tables, pytest's own summary and a line are there; the run is not green."""
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    result.stdout.fnmatch_lines(["*Benchmark Duration*"])
    result.stdout.fnmatch_lines(
        [f"npuperf: the report could not be written: {error} (see *report-errors.log)"]
    )
    result.stdout.fnmatch_lines(["*1 passed*"])
    for stream in (result.stdout, result.stderr):
        stream.no_fnmatch_line("*Traceback*")
        stream.no_fnmatch_line("INTERNALERROR*")


def assert_measurements_are_there(directory: Path) -> None:
    (folder,) = (directory / "performance").iterdir()
    assert (folder / "gsm8kdataset.csv").read_text().count("\n") > 1
    assert "Benchmark Duration" in json.loads((folder / "gsm8kdataset.json").read_text())
    assert len(json.loads((folder / "gsm8kdataset_details.json").read_text())) == 8
    assert "RuntimeError: it is broken" in (directory / "logs" / "report-errors.log").read_text()
    assert not list(directory.rglob("*.tmp"))


def test_a_plot_that_cannot_be_drawn_leaves_all_else(
    pytester: pytest.Pytester, server: Any, report_of: ReportOf, summary_of: SummaryOf
) -> None:
    pytester.makeconftest(BREAK.format(module="pytest_npuperf.report.directory", name="plot_html"))
    result = run(
        pytester,
        server,
        "--npuperf-save-baseline=first",
        "--npuperf-zip",
        "--npuperf-pictures=svg",
        "--npuperf-markdown=summary.md",
    )
    assert_told(result)
    directory = report_of(pytester)
    assert_measurements_are_there(directory)
    (case,) = summary_of(pytester)["cases"]
    assert set(case["files"]) == {"performance", "common", "details"}
    assert case["pictures"]
    assert "_plot.html" not in (directory / "report.html").read_text()
    assert (directory / "report.zip").exists()
    assert "TTFT" in (pytester.path / "summary.md").read_text()
    result.stdout.fnmatch_lines(["npuperf: saved as baseline 'first' in *"])


@pytest.mark.parametrize("name", ["page_html", "case_pictures"])
def test_a_page_or_picture_that_cannot_be_drawn_leaves_all_else(
    pytester: pytest.Pytester, server: Any, report_of: ReportOf, summary_of: SummaryOf, name: str
) -> None:
    pytester.makeconftest(BREAK.format(module="pytest_npuperf.report.directory", name=name))
    assert_told(run(pytester, server, "--npuperf-pictures=svg"))
    directory = report_of(pytester)
    assert_measurements_are_there(directory)
    (case,) = summary_of(pytester)["cases"]
    assert all((directory / path).exists() for path in case["files"].values())
    assert "plot" in case["files"]
    assert (directory / "report.html").exists() == (name != "page_html")
    assert bool(case["pictures"]) == (name != "case_pictures")


@pytest.mark.parametrize("statement", ['raise RuntimeError("it is broken")', 'pytest.fail("it is broken")'])
def test_a_hook_that_raises_leaves_all_else(
    pytester: pytest.Pytester, server: Any, report_of: ReportOf, summary_of: SummaryOf, statement: str
) -> None:
    pytester.makeconftest("import pytest" + RAISING_HOOK.format(statement=statement))
    result = run(pytester, server, "--npuperf-save-baseline=first", "--npuperf-markdown=summary.md")
    assert_told(result, "*it is broken")
    assert set(summary_of(pytester)["cases"][0]["files"]) == {"performance", "common", "details", "plot"}
    assert "TTFT" in (pytester.path / "summary.md").read_text()
    assert "it is broken" in (report_of(pytester) / "logs" / "report-errors.log").read_text()
    result.stdout.fnmatch_lines(["npuperf: saved as baseline 'first' in *"])


def test_tables_that_cannot_be_made_leave_pytest_s_own_summary(
    pytester: pytest.Pytester, server: Any, report_of: ReportOf
) -> None:
    pytester.makeconftest(BREAK.format(module="pytest_npuperf.report", name="console_lines"))
    result = run(pytester, server)
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    result.stdout.fnmatch_lines(["npuperf: the report could not be written: *", "*1 passed*"])
    assert_measurements_are_there(report_of(pytester))


def test_a_directory_that_is_gone_leaves_tables_and_baseline(pytester: pytest.Pytester, server: Any) -> None:
    pytester.makeconftest(
        """
        import shutil
        from pathlib import Path

        def pytest_npuperf_case_finished():
            for directory in Path(".npuperf/reports").iterdir():
                if directory.is_dir():
                    shutil.rmtree(directory)
                    directory.touch()
        """
    )
    result = run(pytester, server, "--npuperf-save-baseline=first", "--npuperf-zip")
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    result.stdout.fnmatch_lines(["*Benchmark Duration*", "npuperf: saved as baseline 'first' in *"])
    result.stdout.fnmatch_lines(["npuperf: the report could not be written: *Error: *", "*1 passed*"])
    shown = [line for line in result.outlines if "could not be written" in line]
    assert len(shown) == 5
    assert not any("report-errors.log" in line for line in shown)
    result.stdout.fnmatch_lines(["npuperf: ... and * more of such errors"])


def test_the_line_is_red(pytester: pytest.Pytester, server: Any) -> None:
    pytester.makeconftest(RAISING_HOOK.format(statement='raise RuntimeError("it is broken")'))
    result = run(pytester, server, "--color=yes")
    assert "\x1b[31mnpuperf: the report could not be written: " in result.stdout.str()


def test_an_environment_hook_that_raises_is_an_error_before_the_load(
    pytester: pytest.Pytester, server: Any
) -> None:
    pytester.makeconftest(
        """
        def pytest_npuperf_environment(environment):
            raise RuntimeError("it is broken")
        """
    )
    result = run(pytester, server)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*ERROR at setup of *", "*RuntimeError: it is broken"])
    result.stdout.no_fnmatch_line("INTERNALERROR*")
    assert server.requests() == []
