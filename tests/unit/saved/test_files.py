from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_npuperf.errors import ReportError
from pytest_npuperf.result import CaseResult
from pytest_npuperf.saved import read_report
from pytest_npuperf.trace import UNKNOWN, Trace

DETAILS = "performance/vllm-api-stream-chat/chat_details.json"


@pytest.fixture
def report(
    build_trace: Callable[..., Trace], measured: Callable[..., CaseResult], written: Callable[..., Path]
) -> Path:
    """The folder of a whole report with one case of two requests."""
    trace = build_trace(
        {"sent": 0, "chunks": [50, 60], "end": 70, "turn": 0, "conversation": 1},
        {"sent": 5, "end": 9, "error": "http_status"},
    )
    return written(measured(trace, "ttft.p99 < 1 s"))


def change(path: Path, alter: Callable[[Any], object]) -> None:
    """Rewrite a JSON file after ``alter`` was at its content."""
    content = json.loads(path.read_bytes())
    alter(content)
    path.write_text(json.dumps(content))


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"there is no report .*gone: give the folder of a run"):
        read_report(tmp_path / "gone")


def test_a_folder_of_reports_names_those_in_it(report: Path) -> None:
    with pytest.raises(
        ReportError, match=r"is no report, as it has no summary\.json.*such as .*" + report.name
    ):
        read_report(report.parent)


def test_a_packed_report_has_to_be_unpacked(tmp_path: Path) -> None:
    packed = tmp_path / "report.zip"
    packed.write_bytes(b"PK")

    with pytest.raises(ReportError, match=r"report\.zip is packed: unpack it"):
        read_report(packed)


def test_a_newer_version_is_refused(report: Path) -> None:
    change(report / "summary.json", lambda summary: summary.update(schema_version=99, cases="other"))

    with pytest.raises(
        ReportError, match="has schema_version 99, and this pytest-npuperf reads up to 1: update"
    ):
        read_report(report)


@pytest.mark.parametrize("name", ["configs/cases.json", DETAILS])
def test_a_missing_file_is_named(report: Path, name: str) -> None:
    (report / name).unlink()

    with pytest.raises(ReportError, match=rf"the report is damaged: .*{name}: it is missing\. Copy it again"):
        read_report(report)


@pytest.mark.parametrize("name", ["summary.json", "configs/cases.json", DETAILS])
@pytest.mark.parametrize(
    "content", [b"", b"null", b"[1]", b'{"a": \xff}', b"[" * 100_000, b'["\xff"]', b"{}"], ids=repr
)
def test_a_file_of_something_else_is_named(report: Path, name: str, content: bytes) -> None:
    (report / name).write_bytes(content[:100_000])

    with pytest.raises(ReportError, match=rf"the report is damaged: .*{name}: .*Copy it again, all of it"):
        read_report(report)


@pytest.mark.parametrize("name", ["summary.json", "configs/cases.json", DETAILS])
def test_a_file_that_was_cut_off_is_named(report: Path, name: str) -> None:
    whole = (report / name).read_bytes()
    (report / name).write_bytes(whole[: len(whole) // 2])

    with pytest.raises(ReportError, match=rf"the report is damaged: .*{name}: "):
        read_report(report)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("start_time", None),
        ("end_time", 1e300),
        ("end_time", -1),
        ("prefill_latency", -0.001),
        ("chunk_times", [0.05, "0.06"]),
        ("output_tokens", -5),
        ("output_tokens", 2**70),
        ("turn", 0),
        ("conversation", -1),
        ("success", False),
        ("error", "broken"),
    ],
)
def test_a_request_that_cannot_be_is_damage(report: Path, key: str, value: object) -> None:
    change(report / DETAILS, lambda requests: requests[0].update({key: value}))

    with pytest.raises(ReportError, match=rf"the report is damaged: .*{DETAILS}: "):
        read_report(report)


def test_cases_of_another_run_are_damage(report: Path) -> None:
    change(report / "configs/cases.json", lambda cases: cases[0].update(name="other"))

    with pytest.raises(ReportError, match=r"it has other cases than summary\.json"):
        read_report(report)


@pytest.mark.parametrize(
    "place", ["/etc/passwd", "../other_details.json", "performance/../../x.json", "", "a\0b"]
)
def test_details_are_looked_for_in_the_report_alone(report: Path, place: str) -> None:
    change(report / "summary.json", lambda summary: summary["cases"][0]["files"].update(details=place))

    with pytest.raises(ReportError, match=r"file of the report, not|cannot be read"):
        read_report(report)


@pytest.mark.parametrize(
    "environment", [{"npu": "910B3"}, {"npu": {"npu_smi": 3}}, {"machine": []}, {"packages": "vllm"}]
)
def test_an_environment_of_which_no_fingerprint_can_be_made_is_damage(
    report: Path, environment: dict[str, Any]
) -> None:
    change(report / "summary.json", lambda summary: summary.update(environment=environment))

    with pytest.raises(ReportError, match=r"summary\.json: environment: "):
        read_report(report)


@pytest.mark.parametrize("name", ["warmup_window", "steady_window"])
def test_a_window_without_length_is_damage(report: Path, name: str) -> None:
    change(report / "summary.json", lambda summary: summary["cases"][0].update({name: [2.0, 2.0]}))

    with pytest.raises(ReportError, match=rf"a {name} of \(2\.0, 2\.0\) has no length"):
        read_report(report)


def test_a_budget_that_is_not_known_says_so(report: Path) -> None:
    change(
        report / "summary.json",
        lambda summary: summary["cases"][0]["verdicts"][0].update(expression="ttft.p99 <> 1 s"),
    )

    with pytest.raises(ReportError, match="a budget that this pytest-npuperf does not know: budget 'ttft"):
        read_report(report)


def test_keys_that_came_later_may_be_missing_and_others_be_there(report: Path) -> None:
    def alter(summary: dict[str, Any]) -> None:
        (case,) = summary["cases"]
        for key in ("confirmations", "suspect", "prompts_hash", "no_steady", "aborted"):
            del case[key]
        for key in ("warmup_window", "steady_window"):
            del case[key]
        case["something_new"] = summary["something_new"] = 1
        del case["verdicts"][0]["advisory"]

    change(report / "summary.json", alter)
    change(report / DETAILS, lambda requests: [request.pop("conversation") for request in requests])
    (case,) = read_report(report).cases

    assert (case.result.confirmations, case.result.suspect, case.result.aborted) == (0, (), "")
    assert case.result.warmup_window is None
    assert set(case.result.trace.conversation.tolist()) == {UNKNOWN}
    assert not case.verdicts[0].budget.advisory
