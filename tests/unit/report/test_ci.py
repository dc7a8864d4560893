from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_npuperf.report import write_ci_outputs
from pytest_npuperf.result import CaseResult, RunRecord

MIB = 1024 * 1024


@pytest.fixture
def write(
    tmp_path: Path, make_result: Callable[..., CaseResult], make_record: Callable[..., RunRecord]
) -> Callable[..., list[str]]:
    """Writes the outputs of a run with one failed case."""
    result = make_result("chat")

    def call(environ: dict[str, str] | None = None, **files: Any) -> list[str]:
        return write_ci_outputs(
            make_record(result, outcomes={result.nodeid: "failed"}),
            tmp_path / "report",
            environ=environ or {},
            **{"markdown": None, "openmetrics": None, **files},
        )

    return call


def test_outside_of_ci_nothing_is_written_unasked(write: Callable[..., list[str]], tmp_path: Path) -> None:
    assert write() == []
    assert list(tmp_path.iterdir()) == []


def test_the_files_that_were_asked_for_appear(write: Callable[..., list[str]], tmp_path: Path) -> None:
    markdown, openmetrics = tmp_path / "new" / "run.md", tmp_path / "run.om"
    assert write(markdown=markdown, openmetrics=openmetrics) == []
    assert write(markdown=markdown, openmetrics=openmetrics) == []
    assert markdown.read_text().count("## Serving performance") == 1
    assert openmetrics.read_text().endswith("# EOF\n")
    assert {path.name for path in tmp_path.rglob("*")} == {"new", "run.md", "run.om"}


def test_github_has_annotations_and_the_summary_below_what_is_there(
    write: Callable[..., list[str]], tmp_path: Path
) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    environ = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(summary),
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "me/adapter",
        "GITHUB_RUN_ID": "42",
    }
    (line,) = write(environ)
    assert line.startswith("::error title=npuperf%3A chat::")
    text = summary.read_text()
    assert text.startswith("before\n## Serving performance: 1 case: 1 failed\n")
    assert "[artifacts](https://github.com/me/adapter/actions/runs/42#artifacts)" in text


def test_gitlab_s_artifacts_are_linked(write: Callable[..., list[str]], tmp_path: Path) -> None:
    write({"CI_JOB_URL": "https://gitlab.com/me/-/jobs/7"}, markdown=tmp_path / "run.md")
    assert "[artifacts](https://gitlab.com/me/-/jobs/7/artifacts/browse)" in (tmp_path / "run.md").read_text()


def test_github_s_summary_never_grows_past_its_limit(write: Callable[..., list[str]], tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    for room in (400, 20):
        summary.write_bytes(b"x" * (MIB - room - 1) + b"\n")
        assert write({"GITHUB_STEP_SUMMARY": str(summary)}) == []
        assert summary.stat().st_size <= MIB
        assert ("is cut here" in summary.read_text()) == (room == 400)


def test_files_that_cannot_be_written_are_warned_of(write: Callable[..., list[str]], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    lines = write(
        {"GITHUB_STEP_SUMMARY": str(tmp_path)},
        markdown=tmp_path / "file" / "run.md",
        openmetrics=tmp_path,
    )
    assert len(lines) == 3
    assert lines[0] == f"npuperf: {tmp_path} cannot be written: Is a directory"
    assert all("cannot be written: " in line for line in lines)
    assert {path.name for path in tmp_path.iterdir()} == {"file"}


def test_the_summary_shows_pictures_from_where_it_lies(
    write: Callable[..., list[str]], tmp_path: Path
) -> None:
    step_summary, markdown = tmp_path / "step.md", tmp_path / "out" / "run.md"
    pictures = [{"TTFT": "pictures/a b/ttft.svg"}]
    write({"GITHUB_STEP_SUMMARY": str(step_summary)}, markdown=markdown, pictures=pictures)
    assert "![TTFT](../report/pictures/a%20b/ttft.svg)" in markdown.read_text()
    assert "![" not in step_summary.read_text()
