"""The run as Markdown: for the page of a CI job and for comments on a merge request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from pytest_npuperf.report.cells import cell, milliseconds
from pytest_npuperf.report.directory import performance_folder
from pytest_npuperf.report.escaping import markdown_code, markdown_link
from pytest_npuperf.report.exploration import outcome_text
from pytest_npuperf.report.marks import case_marks
from pytest_npuperf.report.repeat import repeat_lines
from pytest_npuperf.report.states import case_state, failure_of, outcome_of
from pytest_npuperf.report.support import UNSUPPORTED_NOTE, starred
from pytest_npuperf.report.tables import UNSUPPORTED
from pytest_npuperf.report.verdict_cells import (
    bound_text,
    interval_text,
    measured_text,
    n_text,
    verdict_notes,
    verdict_text,
)
from pytest_npuperf.report.verdicts import expression_text
from pytest_npuperf.result import CaseResult, RunRecord
from pytest_npuperf.text import encodable

__all__ = ["limited", "markdown_summary"]

_FIGURES_HEADER = (
    "case",
    "outcome",
    "TTFT P50",
    "TTFT P99",
    "TPOT P50",
    "output",
    "requests",
    "failed",
)
_VERDICTS_HEADER = ("case", "budget", "bound", "measured", "90 % interval", "n", "verdict")
_FAILED = ("failed", "error")
_CUT = "The summary was too long for this place and is cut here; the report has all of it."
_FENCE = "```"
_STAR = f"\\{UNSUPPORTED}"


def markdown_summary(
    record: RunRecord,
    directory: Path,
    *,
    artifacts: str = "",
    pictures: Sequence[Mapping[str, str]] = (),
) -> str:
    """How the run came out, the figures and the verdicts of every case, and how to repeat those that failed.

    Text from outside is inline code throughout, so no part of it is markup.

    Args:
        record: The run.
        directory: Where its report is.
        artifacts: URL of the place where the CI system keeps the report, '' where there is none.
        pictures: Of each result: the title of a chart -> the path of its picture from the summary.
    """
    blocks = [f"## Serving performance: {_overall(record)}", _run_line(record)]
    if record.results:
        figures = [_figures_row(result, record) for result in record.results]
        blocks.append(_table(_FIGURES_HEADER, figures))
        if any(_STAR in cell for row in figures for cell in row[1:]):
            blocks.append(f"\\{UNSUPPORTED_NOTE}")
    rows = [row for result in record.results for row in _verdict_rows(result)]
    if rows:
        blocks.append(_table(_VERDICTS_HEADER, rows))
    for result in record.results:
        blocks += _remarks(result, record)
    if record.unmeasured:
        blocks += ["### Not measured", "\n".join(_unmeasured(record))]
    for result, drawn in zip(record.results, pictures, strict=False):
        blocks += _charts(result, drawn)
    blocks.append(_places(record, directory, artifacts))
    return "\n\n".join(blocks) + "\n"


def limited(text: str, room: int) -> str:
    """The text where it takes no more than ``room`` bytes of UTF-8; else its first lines and a note."""
    if len(text.encode()) <= room:
        return text
    end = f"\n{_FENCE}\n\n{_CUT}\n"
    if room < len(end):
        return ""
    head = text.encode()[: room - len(end)].decode(errors="ignore")
    lines = head.splitlines()[:-1]
    is_open = sum(line.startswith(_FENCE) for line in lines) % 2
    return "\n".join([*lines, *([_FENCE] if is_open else []), "", _CUT, ""])


def _overall(record: RunRecord) -> str:
    counts = Counter(case_state(result, record) for result in record.results)
    counts.update(record.outcomes.get(nodeid, "failed") for nodeid in record.unmeasured)
    if not counts:
        return "no case was measured"
    total = f"{counts.total()} case{'s' if counts.total() > 1 else ''}"
    parts = ", ".join(f"{number} {state}" for state, number in sorted(counts.items()))
    unmeasured = "" if record.results else "; no case was measured"
    return f"{total}: {parts}{unmeasured}" + ("; the run was stopped" if record.stopped else "")


def _run_line(record: RunRecord) -> str:
    named = {
        "model": record.server.get("model"),
        "server": record.server.get("version") or record.server.get("server"),
        "seed": record.environment.get("seed"),
        "run": record.run_id,
    }
    return ", ".join(
        f"{name} {markdown_code(str(value))}" for name, value in named.items() if value not in (None, "")
    )


def _figures_row(result: CaseResult, record: RunRecord) -> tuple[str, ...]:
    summary, state = result.summary, case_state(result, record)
    of_successes = f"; figures of {summary.success_requests} successful" if summary.failed_requests else ""
    return (
        markdown_code(result.name),
        f"**{state}**" if state in _FAILED else state,
        _latency(result, "ttft", "p50"),
        _latency(result, "ttft", "p99"),
        _latency(result, "tpot", "p50"),
        cell(summary.output_token_throughput, "token/s"),
        f"{summary.total_requests}{of_successes}",
        str(summary.failed_requests),
    )


def _latency(result: CaseResult, metric: str, statistic: str) -> str:
    value = milliseconds(getattr(result.summary, metric).statistic(statistic))
    return starred(value, result, metric, statistic, star=_STAR)


def _verdict_rows(result: CaseResult) -> Iterator[tuple[str, ...]]:
    for verdict in result.verdicts:
        word = verdict_text(verdict)
        yield (
            markdown_code(result.name),
            markdown_code(expression_text(verdict.budget)),
            markdown_code(bound_text(verdict)),
            measured_text(verdict),
            interval_text(verdict),
            n_text(verdict),
            f"**{word}**" if verdict.consequence == "fail" else word,
        )


def _remarks(result: CaseResult, record: RunRecord) -> Iterator[str]:
    """A section about a case, where there is something to be said beside its rows."""
    outcome = outcome_of(result, record)
    failure = failure_of(result, record)
    remarks = [f"{outcome}: {markdown_code(failure)}"] if failure else []
    remarks += [markdown_code(mark) for mark in case_marks(result, record.results)]
    if result.exploration is not None:
        remarks.append(markdown_code(outcome_text(result.exploration)))
    for verdict in result.verdicts:
        expression = markdown_code(verdict.budget.expression)
        remarks += [f"{expression}: {markdown_code(note)}" for note in verdict_notes(verdict)]
    if remarks or outcome in _FAILED:
        yield f"### {markdown_code(result.name)}"
    if remarks:
        yield "\n".join(f"- {remark}" for remark in remarks)
    if outcome in _FAILED:
        of_item = [one for one in record.results if one.nodeid == result.nodeid]
        head, command = repeat_lines(of_item, settings=record.settings, server=record.server)
        yield f"{markdown_code(head)}\n\n{_FENCE}sh\n{command.strip()}\n{_FENCE}"


def _unmeasured(record: RunRecord) -> Iterator[str]:
    for nodeid in record.unmeasured:
        outcome, why = record.outcomes.get(nodeid, "failed"), markdown_code(record.failures[nodeid])
        yield f"- {markdown_code(nodeid)}, **{outcome}**: {why}"


def _charts(result: CaseResult, drawn: Mapping[str, str]) -> Iterator[str]:
    """The pictures of a case, folded away."""
    if drawn:
        yield f"<details><summary>Charts of {markdown_code(result.name)}</summary>"
        yield "\n".join(f"![{title}]({quote(encodable(path))})" for title, path in drawn.items())
        yield "</details>"


def _places(record: RunRecord, directory: Path, artifacts: str) -> str:
    folder = markdown_code(performance_folder(record.abbr).as_posix())
    places = f"Report: {markdown_code(str(directory / 'report.html'))}, its tables and plots in {folder}"
    return f"{places}; {markdown_link('artifacts', artifacts)}" if artifacts else places


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
