"""What the terminal shows of a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from pytest_npuperf.report.cells import cell, milliseconds
from pytest_npuperf.report.directory import performance_folder
from pytest_npuperf.report.exploration import exploration_lines, outcome_text
from pytest_npuperf.report.names import case_stems, safe_stem
from pytest_npuperf.report.tables import common_table, performance_table
from pytest_npuperf.report.text import printable
from pytest_npuperf.report.verdicts import broken_budgets
from pytest_npuperf.result import CaseResult, RunRecord

__all__ = ["console_lines"]

_LONGEST_ERROR = 200


def console_lines(
    record: RunRecord, report_directory: Path | None, *, verbosity: int, outcomes: Mapping[str, str]
) -> list[str]:
    """The lines for the terminal: both tables of every case, or with ``-q`` a line each.

    ``outcomes`` is each item's outcome by its node id; whatever did not pass is marked.
    ``report_directory`` is where the report was written, None where it was not. No control
    character of a name or an error reaches the lines.
    """
    stems = case_stems([result.name for result in record.results])
    lines: list[str] = []
    for stem, result in zip(stems, record.results, strict=True):
        task = f"{safe_stem(record.abbr)}/{stem}"
        outcome = outcomes.get(result.nodeid, "passed")
        lines += [_short(task, result, outcome)] if verbosity < 0 else _full(task, result, outcome)
    if record.results and report_directory is not None:
        folder = report_directory / performance_folder(record.abbr)
        lines.append(f"Performance Result files locate in {printable(str(folder))}.")
    return lines


def _full(task: str, result: CaseResult, outcome: str) -> list[str]:
    return [
        f"Performance Results of task: {task}:",
        *_marks(result, outcome),
        *performance_table(result.summaries).splitlines(),
        *common_table(result.summaries).splitlines(),
        *(exploration_lines(result.exploration) if result.exploration is not None else ()),
    ]


def _short(task: str, result: CaseResult, outcome: str) -> str:
    summary = result.summary
    parts = [
        f"TTFT avg {milliseconds(summary.ttft.avg)}, P99 {milliseconds(summary.ttft.percentile(99))}",
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
    if result.suspect:
        parts.append("SUSPECT")
    if result.no_steady:
        parts.append("NO STEADY STAGE")
    if outcome != "passed":
        parts.append(outcome.upper())
    return f"{task}: {'; '.join(parts)}"


def _marks(result: CaseResult, outcome: str) -> Iterator[str]:
    """What a reader must know before the figures; nothing for a case without blemish."""
    if outcome != "passed":
        yield f"{outcome.upper()} {printable(result.nodeid)}{_broken(result)}"
    if result.stopped:
        yield f"STOPPED before its end; requests measured until then: {len(result.trace)}"
    if result.aborted:
        yield f"ABORTED: {result.aborted}"
    if result.health.state != "ok":
        yield f"CLIENT {result.health.state}: {'; '.join(result.health.reasons)}"
    for reason in result.suspect:
        yield f"SUSPECT: {reason}"
    if result.no_steady:
        yield f"No steady stage: {result.no_steady}"
    elif result.steady_window:
        start, end = result.steady_window
        yield f"Steady stage: from {cell(start, 's')} to {cell(end, 's')} after the first request was sent"
    for kind, failures in result.summary.errors.items():
        first = printable(result.trace.error_text[result.trace.error.index(kind)], _LONGEST_ERROR)
        yield f"{failures} failed with {printable(kind)}" + (f", the first: {first}" if first else "")
    if result.summary.cancelled_requests:
        yield f"{result.summary.cancelled_requests} cancelled by the client, as the case asks"
    if result.summary.missed_output_length:
        yield f"{result.summary.missed_output_length:.1%} of the answers missed the output length asked for"
    if result.summary.tokens_estimated:
        yield "Token counts are estimated from chunks where the server reported no usage"


def _broken(result: CaseResult) -> str:
    broken = broken_budgets(result.verdicts)
    return f": {broken}" if broken else ""
