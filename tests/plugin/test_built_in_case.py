"""No case at all, but a server: the evaluation platform's own run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROWS = ["E2EL", "TTFT", "TPOT", "ITL", "InputTokens", "OutputTokens", "OutputTokenThroughput"]


def test_it_prints_both_tables_and_writes_the_report(
    pytester: pytest.Pytester, server: Any, report_of: Callable[[pytest.Pytester], Path]
) -> None:
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}")
    assert result.ret == 0
    result.assert_outcomes(passed=1)
    directory = report_of(pytester)
    result.stdout.fnmatch_lines(
        [
            f"npuperf: base_url {server.url} (from option), seed *",
            "npuperf *",
            "*Performance Results of task: vllm-api-stream-chat/gsm8kdataset:",
            "│ Performance Parameters*│ Stage *│ Average*│ Min*│ Max*│ Median*│ P75*│ P90*│ P99*│ N *│",
            *(f"│ {row} *│ total *│*│ 8 *│" for row in ROWS),
            "│ Common Metric *│ Stage *│ Value *│",
            "│ Total Requests *│ total *│ 8 *│",
            "│ Total generated tokens *│ total *│ 64 *│",
            f"*Performance Result files locate in {directory}/performance/vllm-api-stream-chat.",
        ]
    )
    files = {path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()}
    performance = "performance/vllm-api-stream-chat/gsm8kdataset"
    assert {
        f"{performance}.csv",
        f"{performance}.json",
        f"{performance}_details.json",
        f"{performance}_plot.html",
        "logs/performance/gsm8kdataset.log",
        "summary.json",
    } <= files
    assert any(name.startswith("configs/") for name in files)


def test_exactly_the_asked_requests_reach_the_server(pytester: pytest.Pytester, server: Any) -> None:
    before = len(server.requests())
    pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}")
    readiness, warmup, measured = 1, 1, 8
    assert len(server.requests()) - before == readiness + warmup + measured


def test_prompts_are_about_1500_tokens(
    pytester: pytest.Pytester, server: Any, report_of: Callable[[pytest.Pytester], Path]
) -> None:
    pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}")
    details = json.loads(next(report_of(pytester).rglob("*_details.json")).read_text())
    assert len(details) == 8
    assert all(1000 < request["input_tokens"] < 2000 for request in details)


def test_a_real_dataset_takes_the_place_of_the_generated_one(pytester: pytest.Pytester, server: Any) -> None:
    lines = [
        json.dumps(
            {"question": f"What is {n} + 1?", "answer": f"{n} + 1 = <<{n}+1={n + 1}>>{n + 1}\n#### {n + 1}"}
        )
        for n in range(20)
    ]
    (pytester.path / "test.jsonl").write_text("\n".join(lines))
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}", "--npuperf-dataset=test.jsonl")
    result.assert_outcomes(passed=1)


def test_a_missing_dataset_is_named(pytester: pytest.Pytester, server: Any) -> None:
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}", "--npuperf-dataset=none.jsonl")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*none.jsonl*"])
    assert "Traceback" not in result.stdout.str()


def test_it_is_left_out_where_there_is_any_case(pytester: pytest.Pytester, server: Any) -> None:
    pytester.makefile(".yaml", npuperf="cases:\n  - name: mine\n    requests: 1\n")
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}", "--collect-only", "-q")
    result.stdout.fnmatch_lines(["npuperf.yaml::mine"])
    assert "gsm8kdataset" not in result.stdout.str()


def test_it_can_be_deselected(pytester: pytest.Pytester, server: Any) -> None:
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}", "-k", "nothing_like_it")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_collecting_starts_nothing(pytester: pytest.Pytester, server: Any) -> None:
    pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}", "--collect-only")
    assert server.requests() == []
    assert not (pytester.path / ".npuperf").exists()


def test_quiet_output_is_one_line_a_case(pytester: pytest.Pytester, server: Any) -> None:
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}", "-q")
    assert "│" not in result.stdout.str()
    result.stdout.fnmatch_lines(["*gsm8kdataset*TTFT*"])


def test_the_report_is_packed_on_request(
    pytester: pytest.Pytester, server: Any, report_of: Callable[[pytest.Pytester], Path]
) -> None:
    pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}", "--npuperf-zip")
    assert (report_of(pytester) / "report.zip").is_file()


def test_debug_prints_the_steps(pytester: pytest.Pytester, server: Any) -> None:
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}", "--npuperf-debug")
    result.stdout.fnmatch_lines(
        [
            "*gsm8kdataset: 8 requests and 1 for warmup to *",
            "*gsm8kdataset: finished after 8 of 8 requests*",
        ]
    )


def test_the_stamps_are_the_kernels(
    pytester: pytest.Pytester, server: Any, summary_of: Callable[[pytest.Pytester], dict[str, Any]]
) -> None:
    pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}")
    (case,) = summary_of(pytester)["cases"]
    assert case["kernel_stamps"] is True


def test_the_api_key_is_sent_and_written_nowhere(
    pytester: pytest.Pytester, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NPUPERF_API_KEY", "very-secret-key")
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}", "--npuperf-debug")
    result.assert_outcomes(passed=1)
    assert "very-secret-key" not in result.stdout.str()
    for path in (pytester.path / ".npuperf").rglob("*"):
        assert path.is_dir() or b"very-secret-key" not in path.read_bytes()
