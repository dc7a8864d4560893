"""Text from outside on the terminal and in what CI systems read."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from pytest_npuperf.metrics import ClientHealth
from pytest_npuperf.report import (
    console_lines,
    failure_text,
    junit_properties,
    pair_lines,
    repeat_lines,
    verdict_table,
    write_ci_outputs,
)
from pytest_npuperf.report.exploration import exploration_lines
from pytest_npuperf.report.files import performance_csv
from pytest_npuperf.report.github import github_annotations
from pytest_npuperf.report.openmetrics import openmetrics_text
from pytest_npuperf.report.verdict_lines import verdict_lines
from pytest_npuperf.result import OTHER_SIDE, CaseResult, RunRecord
from pytest_npuperf.text import printable, printable_lines
from pytest_npuperf.trace import Trace
from tests.unit.report.hostile import (
    HARMLESS,
    HOSTILE,
    assert_is_shown_safely,
    hostile_case,
    hostile_record,
)

Cases = Callable[..., CaseResult]
Records = Callable[[str], RunRecord]

every_text = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
WORKSPACE = "/repository"
_ANNOTATION = re.compile(r"::(error|warning) ([^:]*)::(.*)")
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"-?\d.*|-")


@pytest.fixture(scope="module")
def case(make_result: Cases, healthy: ClientHealth) -> Cases:
    """Makes a case of a text."""

    def make(text: str, **fields: Any) -> CaseResult:
        return hostile_case(text, make_result, healthy, **fields)

    return make


@pytest.fixture(scope="module")
def record(case: Cases, make_record: Callable[..., RunRecord]) -> Records:
    """Makes the record of a run from a text: a case that was measured and one that was not."""

    def make(text: str) -> RunRecord:
        return hostile_record(text, [case(text), case(text, is_measured=False)], make_record)

    return make


@every_text
def test_it_is_shown_on_one_line_that_means_nothing_to_a_terminal_and_a_ci_system(text: str) -> None:
    shown = printable(text)
    assert "\n" not in shown
    assert_is_shown_safely(shown)
    assert printable(shown) == shown
    assert_is_shown_safely(printable_lines(text))
    assert printable_lines(text).count("\n") == text.count("\n")
    assert_is_shown_safely(printable(text, 20))


def test_harmless_text_is_shown_as_it_is() -> None:
    for text in ("std::vector ## [a] a:: : :", "größer, 聊天", "\\x1b", "#[a] ## heading", ""):
        assert printable(text) == text


@every_text
@pytest.mark.parametrize("verbosity", [-1, 0, 1])
def test_the_tables_of_the_terminal(text: str, verbosity: int, record: Records) -> None:
    def shown_of(text: str) -> list[str]:
        run = record(text)
        outcomes = {run.results[0].nodeid: "failed"}
        return console_lines(replace(run, outcomes=outcomes), Path("reports", text), verbosity=verbosity)

    lines = shown_of(text)
    assert len(lines) == len(shown_of(HARMLESS))
    for line in lines:
        assert "\n" not in line
        assert_is_shown_safely(line)
    if verbosity >= 0:
        said = "\n".join(lines)
        for mark in ("ABORTED", "CLIENT suspect", "No steady stage"):
            assert printable(f"{mark}: {text}") in said
        assert f"FAILED {printable(f'npuperf.yaml::{text}')}" in said


@every_text
def test_the_lines_above_the_tables_and_those_of_pairs(
    text: str,
    case: Cases,
    make_result: Cases,
    make_record: Records,
    load_trace: Callable[..., Trace],
) -> None:
    b = make_result(text, load_trace(20), confirmations=2, in_pairs=True)
    a = replace(b, name=f"{text}{OTHER_SIDE}")
    lines = [line.rest for line in verdict_lines(make_record(case(text), a, b), sparklines=True)]
    lines += [line for line, _ in pair_lines([a, b])]
    assert lines[3].startswith(printable(text)[:20])
    assert len(lines) > 10
    for line in lines:
        assert "\n" not in line
        assert_is_shown_safely(line)


@every_text
def test_what_a_broken_budget_fails_with(text: str, record: Records) -> None:
    run = record(text)
    repeat = "\n".join(repeat_lines(run.results, settings=run.settings, server=run.server))
    harmless = record(HARMLESS)
    said = failure_text(run.results, repeat)
    assert_is_shown_safely(said)
    as_harmless = repeat_lines(harmless.results, settings=harmless.settings, server=harmless.server)
    assert said.count("\n") == failure_text(harmless.results, "\n".join(as_harmless)).count("\n")
    assert_is_shown_safely(verdict_table(run.results[0].verdicts))
    exploration = run.results[0].exploration
    assert exploration is not None
    for line in exploration_lines(exploration):
        assert_is_shown_safely(line)


@every_text
def test_annotations_of_github_are_one_command_each(text: str, record: Records) -> None:
    def annotations(text: str) -> list[list[list[str]]]:
        run = record(text)
        failed = replace(run, outcomes={run.results[0].nodeid: "failed"})
        found = []
        for line in github_annotations(failed, workspace=WORKSPACE):
            assert line.isprintable()
            command = _ANNOTATION.fullmatch(line)
            assert command is not None
            pairs = [pair.split("=", 1) for pair in command[2].split(",")]
            assert "%0D" not in command[3]
            found.append([[command[1]], [name for name, _ in pairs], ["-"] * command[3].count("%0A")])
        return found

    assert annotations(text) == annotations(HARMLESS)


@every_text
def test_lines_for_ci_systems(text: str, record: Records, tmp_path: Path) -> None:
    blocked, markdown, openmetrics = tmp_path / "file", tmp_path / "run.md", tmp_path / "run.om"
    blocked.touch()
    path = os.fsdecode(text.encode("utf-8", "replace").replace(b"\0", b""))
    lines = write_ci_outputs(
        record(text),
        tmp_path / text,
        environ={"GITHUB_STEP_SUMMARY": f"{blocked}/{path}", "CI_JOB_URL": text},
        markdown=markdown,
        openmetrics=openmetrics,
    )
    assert len(lines) == 1
    assert "\n" not in lines[0]
    assert_is_shown_safely(lines[0])
    written = (markdown.read_bytes() + openmetrics.read_bytes()).decode("utf-8")
    assert all(line.isprintable() for line in written.split("\n"))


@every_text
def test_properties_of_junit(text: str, case: Cases) -> None:
    def properties(text: str) -> list[tuple[str, str | float]]:
        return junit_properties(replace(case(text), nodeid="test_it.py::test_it"))

    found = properties(text)
    assert len(found) == len(properties(HARMLESS))
    for name, value in found:
        assert name.startswith(f"npuperf.{printable(text)}.")
        assert name.isprintable()
        assert str(value).isprintable()
    ((_, reason),) = junit_properties(case(text, is_measured=False))
    assert reason == printable(text)


@every_text
def test_metrics_have_it_in_their_labels_and_nowhere_else(text: str, record: Records) -> None:
    def metrics(text: str) -> list[Any]:
        return [
            (family.name, family.type, [(one.name, sorted(one.labels), one.value) for one in family.samples])
            for family in text_string_to_metric_families(openmetrics_text(record(text)))
        ]

    assert metrics(text) == metrics(HARMLESS)
    families = list(text_string_to_metric_families(openmetrics_text(record(text))))
    (info,) = families[0].samples
    assert info.labels["model"] == printable(text)
    verdicts = next(family for family in families if family.name == "npuperf_verdict")
    assert {one.labels["nodeid"] for one in verdicts.samples} == {printable(f"npuperf.yaml::{text}")}


@every_text
def test_cells_of_a_spreadsheet_are_no_formulas(text: str, case: Cases) -> None:
    summary = replace(case(text).summary, stage=text)
    content = performance_csv([summary]).decode("utf-8")
    header, *rows = csv.reader(io.StringIO(content, newline=""))
    assert [len(row) for row in rows] == [len(header)] * 7
    for cell in (cell for row in rows for cell in row):
        assert cell.isprintable()
        assert not _FORMULA.match(cell) or _NUMBER.fullmatch(cell)
    assert {row[1].removeprefix("'") for row in rows} == {printable(text).removeprefix("'")}
