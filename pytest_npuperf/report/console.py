"""What the terminal shows of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pytest_npuperf.report.cells import cell, milliseconds
from pytest_npuperf.report.directory import performance_folder
from pytest_npuperf.report.exploration import exploration_lines, outcome_text
from pytest_npuperf.report.marks import case_marks
from pytest_npuperf.report.names import case_stems, safe_stem
from pytest_npuperf.report.states import outcome_of
from pytest_npuperf.report.support import UNSUPPORTED_NOTE, starred
from pytest_npuperf.report.tables import MORE_COLUMNS, UNSUPPORTED, common_table, performance_table
from pytest_npuperf.report.verdicts import broken_budgets, warned_budgets
from pytest_npuperf.result import CaseResult, RunRecord
from pytest_npuperf.text import printable

__all__ = ["console_lines"]

_TOLD_OTHERWISE = ("passed", "stopped")


def console_lines(
    record: RunRecord,
    report_directory: Path | None,
    *,
    verbosity: int,
    columns: Sequence[str] = (),
) -> list[str]:
    """The lines for the terminal: both tables of every case, or with ``-q`` a line each.

    No control character of a name or an error reaches the lines.

    Args:
        record: The run.
        report_directory: Where the report was written, None where it was not.
        verbosity: How often ``-v`` was given, less how often ``-q``. ``-v`` has more columns.
        columns: Statistics of the Performance Parameters table that were asked for, by their
            headings. With none, and without ``-v``, it is the specification's.
    """
    if not columns and verbosity > 0:
        columns = MORE_COLUMNS
    stems = case_stems([result.name for result in record.results])
    lines: list[str] = []
    for stem, result in zip(stems, record.results, strict=True):
        task = f"{safe_stem(record.abbr)}/{stem}"
        if verbosity < 0:
            lines.append(_short(task, result, outcome_of(result, record)))
        else:
            lines += _full(task, result, record, columns)
    if verbosity < 0 and any(UNSUPPORTED in _p99(result) for result in record.results):
        lines.append(UNSUPPORTED_NOTE)
    if record.results and report_directory is not None:
        folder = report_directory / performance_folder(record.abbr)
        lines.append(f"Performance Result files locate in {printable(str(folder))}.")
        lines.append(f"Report: {printable(str(report_directory / 'report.html'))}")
    return lines


def _full(task: str, result: CaseResult, record: RunRecord, columns: Sequence[str]) -> list[str]:
    return [
        f"Performance Results of task: {task}:",
        *_marks(result, record),
        *_performance_lines(result, columns),
        *common_table(result.summaries).splitlines(),
        *(exploration_lines(result.exploration) if result.exploration is not None else ()),
    ]


def _performance_lines(result: CaseResult, columns: Sequence[str]) -> list[str]:
    if not columns:
        return performance_table(result.summaries).splitlines()
    lines = performance_table(result.summaries, columns, result.stage_runs()).splitlines()
    if any(UNSUPPORTED in line for line in lines):
        lines.append(UNSUPPORTED_NOTE)
    return lines


def _short(task: str, result: CaseResult, outcome: str) -> str:
    summary = result.summary
    parts = [
        f"TTFT avg {milliseconds(summary.ttft.avg)}, P99 {_p99(result)}",
        f"TPOT avg {milliseconds(summary.tpot.avg)}",
        f"output {cell(summary.output_token_throughput, 'token/s')}",
        f"N {summary.success_requests}",
        f"failed {summary.failed_requests}",
    ]
    if result.exploration is not None:
        parts.append(outcome_text(result.exploration))
    if result.stopped:
        parts.append("STOPPED")
    if result.aborted:
        parts.append("ABORTED")
    if result.health.state != "ok":
        parts.append(f"CLIENT {result.health.state}")
    if result.vacuous:
        parts.append("VACUOUS")
    if result.suspect:
        parts.append("SUSPECT")
    if result.no_steady:
        parts.append("NO STEADY STAGE")
    if result.confirmations:
        parts.append(f"MEASURED {result.confirmations + 1} TIMES")
    if warned_budgets(result.verdicts):
        parts.append("NOT ALL BUDGETS KEPT")
    if outcome not in _TOLD_OTHERWISE:
        parts.append(outcome.upper())
    return f"{task}: {'; '.join(parts)}"


def _p99(result: CaseResult) -> str:
    """P99 of TTFT, marked where it rests on too few requests."""
    return starred(milliseconds(result.summary.ttft.percentile(99)), result, "ttft", "p99")


def _marks(result: CaseResult, record: RunRecord) -> Iterator[str]:
    """What a reader must know before the figures; nothing for a case without blemish."""
    outcome = outcome_of(result, record)
    if outcome not in _TOLD_OTHERWISE:
        broken = broken_budgets(result.verdicts)
        yield f"{outcome.upper()} {printable(result.nodeid)}" + (f": {broken}" if broken else "")
    warned = warned_budgets(result.verdicts)
    if warned:
        yield f"NOT KEPT: {warned}"
    yield from case_marks(result, record.results)
