"""What a CI system is given of a run: its job's page, annotations, and the files that were asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from pytest_npuperf.report.github import github_annotations
from pytest_npuperf.report.markdown import limited, markdown_summary
from pytest_npuperf.report.openmetrics import openmetrics_text
from pytest_npuperf.result import RunRecord
from pytest_npuperf.text import encodable, printable

__all__ = ["write_ci_outputs"]

_STEP_SUMMARY_LIMIT = 1024 * 1024
"""Bytes that GitHub takes of a step; it drops a longer summary as a whole."""


def write_ci_outputs(
    record: RunRecord,
    directory: Path,
    *,
    environ: Mapping[str, str],
    markdown: Path | None,
    openmetrics: Path | None,
    pictures: Sequence[Mapping[str, str]] = (),
) -> list[str]:
    """Write what CI systems show of a run; returns the lines to print.

    On GitHub Actions a summary is added to the page of the job, and the lines are annotations. A
    file that cannot be written is a line that says so.

    Args:
        record: The run.
        directory: Where its report is.
        environ: The process's environment, by which CI systems say what they are.
        markdown: Where the summary is to be written, too.
        openmetrics: Where the figures are to be written.
        pictures: Of each result: the title of a chart -> the path of its picture from ``directory``. The
            summary in ``markdown`` shows them; GitHub's page of a job can show no file.
    """
    lines: list[str] = []
    if environ.get("GITHUB_ACTIONS") == "true":
        workspace = environ.get("GITHUB_WORKSPACE", "")
        lines += github_annotations(record, workspace=workspace)
    summary = partial(markdown_summary, record, directory, artifacts=_artifacts(environ))
    if environ.get("GITHUB_STEP_SUMMARY"):
        lines += _attempt(_append, Path(environ["GITHUB_STEP_SUMMARY"]), summary())
    if markdown is not None:
        from_there = [
            {title: os.path.relpath(directory / path, markdown.parent) for title, path in drawn.items()}
            for drawn in pictures
        ]
        lines += _attempt(_write, markdown, summary(pictures=from_there))
    if openmetrics is not None:
        lines += _attempt(_write, openmetrics, openmetrics_text(record))
    return lines


def _artifacts(environ: Mapping[str, str]) -> str:
    """Where GitHub or GitLab shows what the job keeps, '' where neither runs it."""
    if all(key in environ for key in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")):
        repository = f"{environ['GITHUB_SERVER_URL']}/{environ['GITHUB_REPOSITORY']}"
        return f"{repository}/actions/runs/{environ['GITHUB_RUN_ID']}#artifacts"
    return f"{environ['CI_JOB_URL']}/artifacts/browse" if environ.get("CI_JOB_URL") else ""


def _attempt(write: Callable[[Path, str], None], path: Path, text: str) -> Iterator[str]:
    try:
        write(path, encodable(text))
    except OSError as exc:
        yield f"npuperf: {printable(str(path))} cannot be written: {printable(exc.strerror or str(exc))}"


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(limited(text, _STEP_SUMMARY_LIMIT - file.tell()))


def _write(path: Path, text: str) -> None:
    """The file appears whole or not at all: others may be reading it, or the last one, at any moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    growing = path.with_name(f".{path.name}.tmp")
    growing.write_text(text, encoding="utf-8")
    growing.replace(path)
