"""Every engine: the verdict, the tables, the report directory, and nothing left behind."""

from __future__ import annotations

import csv
import json
import re
from typing import Any

import pytest

pytestmark = pytest.mark.real_engine

STEMS = ("chat-concurrency-1", "chat-concurrency-4")
# As conftest.py writes them into npuperf.yaml.
REQUESTS = 4
MAX_TOKENS = 24
COLUMNS = ["Performance Parameters", "Stage", "Average", "Min", "Max", "Median", "P75", "P90", "P99", "N"]
PARAMETERS = ["E2EL", "TTFT", "TPOT", "ITL", "InputTokens", "OutputTokens", "OutputTokenThroughput"]
COMMON_METRICS = [
    "Benchmark Duration",
    "Total Requests",
    "Failed Requests",
    "Success Requests",
    "Concurrency",
    "Max Concurrency",
    "Request Throughput",
    "Total Input Tokens",
    "Prefill Token Throughput",
    "Total generated tokens",
    "Input Token Throughput",
    "Output Token Throughput",
    "Total Token Throughput",
]


def test_cases_with_budgets_that_an_engine_keeps_pass(run: Any) -> None:
    assert run.outcomes["chat[concurrency=1]"] == ""
    assert run.outcomes["chat[concurrency=4]"] == ""


def test_nothing_is_left_running(run: Any) -> None:
    assert run.processes_left == set()
    assert not run.port_taken


def test_report_directory_has_every_file_of_the_specification(run: Any) -> None:
    assert re.fullmatch("[0-9a-f]{32}", run.report.name)
    assert any((run.report / "configs").iterdir())
    deploy_log = (run.report / "logs" / "deploy.log").read_text(errors="replace")
    assert f"=== MODEL_PATH set to: {run.model} ===" in deploy_log
    for stem in STEMS:
        assert any((run.report / "logs" / "performance").glob(f"{stem}*"))
        for ending in (".csv", ".json", "_details.json", "_plot.html"):
            assert (run.performance / f"{stem}{ending}").stat().st_size > 0


@pytest.mark.parametrize("stem", STEMS)
def test_csv_has_the_seven_parameters_of_every_request(run: Any, stem: str) -> None:
    header, *rows = read_csv(run, stem)
    assert header == COLUMNS
    assert [row[0] for row in rows] == PARAMETERS
    assert {row[1] for row in rows} == {"total"}
    assert {row[-1] for row in rows} == {str(REQUESTS)}
    units = [{cell.partition(" ")[2] for cell in row[2:-1]} for row in rows]
    assert units == [{"ms"}, {"ms"}, {"ms"}, {"ms"}, {""}, {""}, {"token/s"}]


@pytest.mark.parametrize("stem", STEMS)
def test_common_metrics_count_every_request_as_a_success(run: Any, stem: str) -> None:
    common = read_json(run, f"{stem}.json")
    assert list(common) == COMMON_METRICS
    totals = {name: stages["total"] for name, stages in common.items()}
    assert totals["Total Requests"] == totals["Success Requests"] == REQUESTS
    assert totals["Failed Requests"] == 0
    assert totals["Max Concurrency"] == int(stem.rpartition("-")[2])
    assert 0 < totals["Concurrency"] <= totals["Max Concurrency"] + 1e-3
    details = read_json(run, f"{stem}_details.json")
    assert totals["Total Input Tokens"] == sum(request["input_tokens"] for request in details)
    assert totals["Total generated tokens"] == sum(request["output_tokens"] for request in details)


@pytest.mark.parametrize("stem", STEMS)
def test_details_hold_the_times_and_the_servers_own_token_counts_of_each_request(run: Any, stem: str) -> None:
    details = read_json(run, f"{stem}_details.json")
    assert len(details) == REQUESTS
    for request in details:
        assert request["success"]
        first = request["start_time"] + request["prefill_latency"]
        assert 0 <= request["start_time"] < first < request["end_time"]
        assert first == pytest.approx(request["chunk_times"][0])
        assert request["chunk_times"] == sorted(request["chunk_times"])
        assert not request["tokens_estimated"]
        assert 1 < request["output_tokens"] <= MAX_TOKENS
        assert request["finish_reason"] in ("length", "stop")


@pytest.mark.parametrize("stem", STEMS)
def test_plot_finds_its_script_in_the_report(run: Any, stem: str) -> None:
    page = (run.performance / f"{stem}_plot.html").read_text()
    scripts = re.findall(r'<script[^>]*\ssrc="([^"]+)"', page)
    assert scripts
    assert all((run.performance / script).is_file() for script in scripts)


@pytest.mark.parametrize("stem", STEMS)
def test_terminal_shows_both_tables_as_they_are_in_the_files(run: Any, stem: str) -> None:
    lines = run.output.splitlines()
    start = lines.index(f"Performance Results of task: vllm-api-stream-chat/{stem}:")
    parameters, common = tables(lines[start:])[:2]
    assert parameters == read_csv(run, stem)
    assert common == [
        ["Common Metric", "Stage", "Value"],
        *([name, "total", str(stages["total"])] for name, stages in read_json(run, f"{stem}.json").items()),
    ]


def test_terminal_names_the_result_files(run: Any) -> None:
    assert f"Performance Result files locate in {run.performance}." in run.output


def test_summary_holds_the_cases_with_their_verdicts(run: Any) -> None:
    summary = json.loads((run.report / "summary.json").read_text())
    assert summary["schema_version"] == 1
    verdicts = {case["name"]: [v["outcome"] for v in case["verdicts"]] for case in summary["cases"]}
    assert verdicts["chat[concurrency=1]"] == verdicts["chat[concurrency=4]"] == ["pass", "pass"]


def read_csv(run: Any, stem: str) -> list[list[str]]:
    with (run.performance / f"{stem}.csv").open(newline="") as file:
        return list(csv.reader(file))


def read_json(run: Any, name: str) -> Any:
    return json.loads((run.performance / name).read_text())


def tables(lines: list[str]) -> list[list[list[str]]]:
    """The cells of each table drawn in the lines."""
    found: list[list[list[str]]] = []
    for line in lines:
        if line.startswith("╒"):
            found.append([])
        elif line.startswith("│"):
            found[-1].append([cell.strip() for cell in line.strip("│").split("│")])
    return found
