"""What CI systems see of a run: JUnit XML, the job's page, annotations, files for programs."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from junitparser import Failure, JUnitXml, Properties
from prometheus_client.openmetrics.parser import text_string_to_metric_families

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "summary.schema.json").read_text())

CASES = """
cases:
  - name: chat
    requests: 4
    slo: [ttft.p99 < 1 us, e2el.p99 < 1 min]
  - name: other
    requests: 2
"""


@pytest.fixture(autouse=True)
def no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE", "CI_JOB_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def cases(pytester: pytest.Pytester) -> None:
    """One case that breaks a budget, and one that does not."""
    (pytester.path / "npuperf.yaml").write_text(CASES)


@pytest.mark.usefixtures("cases")
def test_a_broken_budget_is_one_failure_with_its_table_in_junit_xml(
    pytester: pytest.Pytester, server: Any
) -> None:
    pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}", "--junitxml=junit.xml")
    (suite,) = JUnitXml.fromfile(str(pytester.path / "junit.xml"))
    assert (suite.tests, suite.failures, suite.errors) == (2, 1, 0)
    broken, kept = suite
    (failure,) = broken.result
    assert isinstance(failure, Failure)
    assert failure.message.startswith("broken: ttft.p99 < 1 us (measured ")
    lines = failure.text.splitlines()
    assert lines[0].startswith("broken: ttft.p99 < 1 us (measured ")
    assert lines[2] == "chat"
    assert lines[3].split() == ["budget", "measured", "90", "%", "interval", "n", "verdict"]
    (row,) = [line for line in lines if line.startswith("ttft.p99 < 1 us ")]
    assert "FAIL" in row
    (row,) = [line for line in lines if line.startswith("e2el.p99 < 1 min ")]
    assert "pass" in row
    assert lines[-2].startswith("repeat it")
    assert lines[-1].startswith("  pytest npuperf.yaml::chat --npuperf-base-url=")
    assert list(kept.result) == []
    figures = {each.name: each.value for each in kept.child(Properties)}
    assert float(figures["npuperf.ttft.p99"]) > 0.005
    assert figures["npuperf.budget: failed_requests == 0"] == "pass"


def _prompt_lengths(server: Any) -> list[int]:
    """Of what the cases sent: they differ from prompt to prompt."""
    return [
        request["prompt_tokens"]
        for request in server.requests()
        if request["request_id"].startswith("npuperf-")
    ]


@pytest.mark.usefixtures("cases")
def test_the_printed_command_sends_the_same_prompts_again(pytester: pytest.Pytester, server: Any) -> None:
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}")
    (command,) = [line for line in result.outlines if line.startswith("  pytest ")]
    first = _prompt_lengths(server)
    again = pytester.runpytest_subprocess(*shlex.split(command)[1:])
    again.assert_outcomes(failed=1)
    assert command in again.outlines
    second = _prompt_lengths(server)[len(first) :]
    assert len(second) >= 4
    assert second == first[: len(second)]


def test_the_built_in_case_is_repeated_by_its_name(pytester: pytest.Pytester, server: Any) -> None:
    pytester.makepyfile("def test_nothing():\n    pass\n")
    options = [f"--npuperf-base-url={server.url}", "--npuperf-slo=ttft.p99 < 1 us"]
    result = pytester.runpytest_subprocess(*options)
    result.assert_outcomes(passed=1, failed=1)
    (command,) = [line for line in result.outlines if line.startswith("  pytest ")]
    again = pytester.runpytest_subprocess(*shlex.split(command)[1:])
    again.assert_outcomes(failed=1, deselected=1)


def test_a_test_that_fails_after_it_measured_says_how_to_repeat_it(
    pytester: pytest.Pytester, server: Any
) -> None:
    pytester.makepyfile(
        test_it="""
        async def test_chat(npuperf):
            result = await npuperf.run(requests=2, max_tokens=2)
            assert result.ttft.p99 < 1e-6
        """
    )
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*assert *", "*npuperf*", "repeat it*:", "  pytest test_it.py::test_chat *"])


@pytest.mark.usefixtures("cases")
def test_github_shows_annotations_and_a_summary(
    pytester: pytest.Pytester, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = pytester.path / "step.md"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(pytester.path))
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}")
    annotations = [line for line in result.outlines if line.startswith("::")]
    assert len(annotations) == 1
    assert annotations[0].startswith(
        "::error file=npuperf.yaml,line=3,title=npuperf%3A chat::broken: ttft.p99 < 1 us (measured "
    )
    text = summary.read_text()
    assert text.startswith("## Serving performance: 2 cases: 1 failed, 1 passed\n")
    assert "| <code>chat</code> | <code>ttft.p99 &#60; 1 us</code> |" in text
    assert "pytest npuperf.yaml::chat --npuperf-base-url=" in text


@pytest.mark.usefixtures("cases")
def test_the_files_that_were_asked_for_are_written(pytester: pytest.Pytester, server: Any) -> None:
    pytester.runpytest_subprocess(
        f"--npuperf-base-url={server.url}",
        "--npuperf-markdown=out/run.md",
        "--npuperf-openmetrics=out/run.om",
        "--npuperf-pictures=svg",
    )
    markdown = (pytester.path / "out" / "run.md").read_text()
    assert markdown.startswith("## Serving performance: 2 cases")
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", markdown)
    assert len(pictures) >= 2 * 4
    for picture in pictures:
        assert (pytester.path / "out" / picture).read_bytes().startswith(b"<svg ")
    families = text_string_to_metric_families((pytester.path / "out" / "run.om").read_text())
    failed = {
        (sample.labels["case"], sample.labels["budget"]): sample.value
        for family in families
        for sample in family.samples
        if family.name == "npuperf_verdict" and sample.labels["outcome"] == "fail"
    }
    assert failed[("chat", "ttft.p99 < 1 us")] == 1
    assert failed[("chat", "e2el.p99 < 1 min")] == 0


def test_a_file_that_cannot_be_written_is_told_and_changes_no_outcome(
    pytester: pytest.Pytester, server: Any
) -> None:
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}", "--npuperf-markdown=.")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines([f"npuperf: {pytester.path} cannot be written: *"])


@pytest.mark.usefixtures("cases")
def test_the_summary_of_a_run_fits_its_schema(
    pytester: pytest.Pytester, server: Any, summary_of: Callable[[pytest.Pytester], dict[str, Any]]
) -> None:
    pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}")
    summary = summary_of(pytester)
    assert [fault.message for fault in Draft202012Validator(SCHEMA).iter_errors(summary)] == []
    assert [case["name"] for case in summary["cases"]] == ["chat", "other"]
    assert summary["cases"][0]["repeat"].startswith("pytest npuperf.yaml::chat ")
