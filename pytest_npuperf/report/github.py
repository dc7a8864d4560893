"""Annotations in GitHub's workflow commands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath

from pytest_npuperf.report.escaping import workflow_data, workflow_property
from pytest_npuperf.report.states import outcome_of
from pytest_npuperf.report.verdicts import broken_budgets, warned_budgets
from pytest_npuperf.result import CaseResult, RunRecord
from pytest_npuperf.text import printable

__all__ = ["github_annotations"]


def github_annotations(record: RunRecord, *, workspace: str) -> list[str]:
    """An ``::error`` for each case that failed, a ``::warning`` for one with something to warn of.

    GitHub shows ten of each kind from a step, so a case has one line of a kind.

    Args:
        record: The run.
        workspace: Where the repository is checked out: GitHub wants paths from there.
    """
    return [line for result in record.results for line in _annotations(result, record, workspace)]


def _annotations(result: CaseResult, record: RunRecord, workspace: str) -> Iterator[str]:
    if outcome_of(result, record) in ("failed", "error"):
        why = printable(record.failures.get(result.nodeid, "the test failed"))
        yield _command("error", result, _reasons(result) or [why], workspace)
    warned = warned_budgets(result.verdicts)
    if warned:
        yield _command("warning", result, [f"not kept: {warned}"], workspace)


def _reasons(result: CaseResult) -> list[str]:
    broken = broken_budgets(result.verdicts)
    reasons = (
        f"broken: {broken}" if broken else "",
        printable(result.not_measured),
        f"aborted: {printable(result.aborted)}" if result.aborted else "",
        *(f"vacuous: {printable(reason)}" for reason in result.vacuous),
    )
    return [reason for reason in reasons if reason]


def _command(level: str, result: CaseResult, message: list[str], workspace: str) -> str:
    properties = {**_place(result.location, workspace), "title": f"npuperf: {printable(result.name)}"}
    written = ",".join(f"{name}={workflow_property(value)}" for name, value in properties.items())
    text = "\n".join([*message, printable(result.nodeid)])
    return f"::{level} {written}::{workflow_data(text)}"


def _place(location: tuple[str, int], workspace: str) -> dict[str, str]:
    path, line = location
    if not path:
        return {}
    if workspace and PurePath(path).is_relative_to(workspace):
        path = PurePath(path).relative_to(workspace).as_posix()
    return {"file": printable(path), "line": str(line)}
