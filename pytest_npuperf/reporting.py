"""What a pytest run leaves: its report, what CI systems show of it, and its tables on the terminal."""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_npuperf.settings import Settings
from pytest_npuperf.text import printable

if TYPE_CHECKING:
    from pytest_npuperf.baselines import Fingerprint
    from pytest_npuperf.result import CaseResult, RunRecord

__all__ = ["Reporting", "wall_clock"]

_CONTROL_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_LONGEST_REASON = 500
_MOST_FAULTS = 5
"""A directory that is gone is an error of every file."""


class Reporting:
    """Writes the report of a run once it is over, and prints it."""

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self._config = config
        self._settings = settings
        self._started = wall_clock()
        self._written: tuple[RunRecord, Path] | None = None
        self._lines: list[str] = []
        self._faults: list[str] = []
        self.outcomes: dict[str, str] = {}
        """What became of each item that measured or was to, by its node id; one that is not there passed."""
        self._failures: dict[str, str] = {}

    def note(self, report: pytest.TestReport) -> None:
        """Keep what became of an item and why, by one of its phases; the first that failed has the word."""
        if report.passed or report.nodeid in self._failures:
            return
        self.outcomes[report.nodeid] = report.outcome
        if report.failed:
            if report.when != "call":
                self.outcomes[report.nodeid] = "error"
            self._failures[report.nodeid] = _reason(report)

    def header(self) -> str | None:
        """What is measured, for pytest's header; None where nothing is."""
        settings = self._settings
        if not settings.has_target:
            return None
        target = next(name for name in ("ab", "base_url", "model") if getattr(settings, name) is not None)
        value = " ".join(settings.ab) if settings.ab is not None else getattr(settings, target)
        shown = value if value.isprintable() else repr(value)
        return (
            f"npuperf: {target} {shown} (from {settings.sources[target]}), "
            f"seed {settings.seed} ({settings.sources['seed']})"
        )

    @cached_property
    def environment(self) -> dict[str, Any]:
        """Versions, machine, git commit, command line, and what hooks add."""
        from pytest_npuperf.environment import describe_environment

        config = self._config
        environment = describe_environment(
            config.rootpath, config.invocation_params.args, seed=self._settings.seed
        )
        config.hook.pytest_npuperf_environment(config=config, environment=environment)
        return environment

    def describe_environment(self) -> None:
        """Find out about the environment now: before a load, an error of a hook costs nothing measured."""
        _ = self.environment

    def made_with(self, result: CaseResult, server: Mapping[str, Any]) -> Fingerprint:
        """What a case was run with, to compare like with like."""
        from pytest_npuperf.baselines import fingerprint

        return fingerprint(self.environment, server, result.settings)

    def write(
        self, directory: Path, results: Sequence[CaseResult], *, server: Mapping[str, Any], stopped: bool
    ) -> None:
        """Write all that was asked for into ``directory`` and beside it.

        What fails is told by ``print`` and makes the run an internal error; all the rest is written.
        """
        from pytest_npuperf.report import write_ci_outputs, write_report, zip_report

        settings, config = self._settings, self._config
        record = self._record(directory, results, server, stopped)
        self._written = (record, directory)
        if settings.save_baseline is not None:
            with self._guard():
                self._save_baseline(settings.save_baseline, results, server)
        pictures: list[dict[str, str]] = []
        with self._guard():
            pictures = write_report(
                directory,
                record,
                single_file=settings.report_single_file,
                pictures=settings.pictures,
                guard=self._guard,
            )
        with self._guard():
            config.hook.pytest_npuperf_write_report(config=config, record=record, directory=directory)
        if settings.zip:
            with self._guard():
                zip_report(directory)
        with self._guard():
            self._lines += write_ci_outputs(
                record,
                directory,
                environ=os.environ,
                markdown=settings.markdown,
                openmetrics=settings.openmetrics,
                pictures=pictures,
            )

    def _save_baseline(self, name: str, results: Sequence[CaseResult], server: Mapping[str, Any]) -> None:
        from pytest_npuperf.comparing import save_results

        self._lines += save_results(
            results,
            directory=self._settings.baselines,
            name=name,
            made_with=lambda result: self.made_with(result, server),
        )

    @contextmanager
    def _guard(self) -> Iterator[None]:
        """Keep an error in one part of the report from the others, to be told by ``print``."""
        try:
            yield
        # The measurements may have taken hours. What fails here (a hook of the user, a full disk, a chart)
        # must take neither them nor pytest's own summary away; whatever it is, it is told and fails the run.
        except (Exception, pytest.fail.Exception, pytest.skip.Exception) as exc:  # noqa: BLE001
            self._note_fault(exc)

    def _note_fault(self, exc: BaseException) -> None:
        assert self._written is not None
        log = self._written[1] / "logs" / "report-errors.log"
        where = ""
        with suppress(OSError):
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.writelines(traceback.format_exception(exc))
            where = f" (see {printable(str(log))})"
        text = " ".join(traceback.format_exception_only(exc)[-1].split())
        line = f"npuperf: the report could not be written: {printable(text, _LONGEST_REASON)}{where}"
        if line not in self._faults:
            self._faults.append(line)
        session = self._config.pluginmanager.get_plugin("session")
        if session is not None:
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR

    def print(self, reporter: pytest.TerminalReporter) -> None:
        """Print the verdicts and tables of all results, where the files are, and what failed."""
        if self._written is None or not (self._written[0].results or self._faults):
            return
        reporter.write_sep("=", "serving performance")
        if self._written[0].results:
            self._print_results(reporter, *self._written)
        for line in self._faults[:_MOST_FAULTS]:
            reporter.write_line(line, red=True)
        if len(self._faults) > _MOST_FAULTS:
            reporter.write_line(
                f"npuperf: ... and {len(self._faults) - _MOST_FAULTS} more of such errors", red=True
            )

    def _print_results(self, reporter: pytest.TerminalReporter, record: RunRecord, directory: Path) -> None:
        from pytest_npuperf.report import console_lines, pair_lines

        verbosity = reporter.config.get_verbosity()
        if verbosity >= 0:
            with self._guard():
                self._print_verdicts(reporter, record)
        with self._guard():
            for line in console_lines(record, directory, verbosity=verbosity, columns=self._settings.stats):
                reporter.write_line(line)
        with self._guard():
            for line, word in pair_lines(record.results):
                reporter.write_line(line, green=word == "better", red=word == "worse")
        for line in self._lines:
            reporter.write_line(line)

    def _print_verdicts(self, reporter: pytest.TerminalReporter, record: RunRecord) -> None:
        from pytest_npuperf.report.sparkline import can_show_sparklines
        from pytest_npuperf.report.verdict_lines import verdict_lines

        sparklines = can_show_sparklines(
            is_terminal=bool(reporter.isatty),
            encoding=getattr(sys.__stdout__, "encoding", None),
            environ=os.environ,
        )
        for line in verdict_lines(record, sparklines=sparklines):
            reporter.write(line.outcome, **{line.colour: True})
            reporter.write_line(line.rest)

    def _record(
        self, directory: Path, results: Sequence[CaseResult], server: Mapping[str, Any], stopped: bool
    ) -> RunRecord:
        from pytest_npuperf.result import RunRecord

        stamps = {result.trace.kernel_stamps for result in results}
        self.environment["receive_stamps"] = (
            {True: "kernel", False: "client"}[all(stamps)] if stamps else None
        )
        return RunRecord(
            run_id=directory.name,
            abbr=self._settings.abbr,
            started=self._started,
            finished=wall_clock(),
            stopped=stopped,
            settings=self._settings.described(),
            environment=self.environment,
            server=server,
            results=tuple(results),
            outcomes=self.outcomes,
            failures=self._failures,
        )


def _reason(report: pytest.TestReport) -> str:
    """Why an item failed: the first line of its error, without colours."""
    crash = getattr(report.longrepr, "reprcrash", None)
    text = _CONTROL_SEQUENCE.sub("", report.longreprtext if crash is None else crash.message)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # where there is no crash, pytest marks what it has to say of the error by an E
    told = [line.removeprefix("E ").strip() for line in lines if crash is None and line.startswith("E ")]
    first = next(iter(told or lines), "")
    return first if len(first) <= _LONGEST_REASON else f"{first[: _LONGEST_REASON - 3]}..."


def wall_clock() -> str:
    """Now, as ISO 8601 with offset."""
    return datetime.now().astimezone().isoformat(timespec="milliseconds")
