"""The commands on reports that runs have left."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_npuperf.result import CaseResult
from pytest_npuperf.saved import read_report
from pytest_npuperf.slo.stage_run import figure

CASES = """
cases:
  - name: chat
    load: {concurrency: 4}
    requests: 60
    max_tokens: 8
    stage: steady
    slo: [ttft.p90 < 5 s, steady.itl.p50 < 5 s, output_token_throughput > 1 token/s]
  - name: burst
    load: {rate: 100}
    requests: 20
    max_tokens: 8
"""

ON_A_BUSY_MACHINE = ("--npuperf-client-health=warn",)
"""What is measured here is not what matters."""

Npuperf = Callable[..., pytest.RunResult]
Measure = Callable[..., Path]


@pytest.fixture
def npuperf(pytester: pytest.Pytester) -> Npuperf:
    """Runs the command in the folder of the test."""

    def run(*arguments: str | Path) -> pytest.RunResult:
        return pytester.run(sys.executable, "-m", "pytest_npuperf.cli", *arguments)

    return run


@pytest.fixture
def measure(pytester: pytest.Pytester, simulate: Callable[..., Any]) -> Measure:
    """Measures the cases on a simulator of its own with the given options, and returns the report."""
    pytester.makefile(".yaml", npuperf=CASES)

    def run(*options: str) -> Path:
        server = simulate("--itl", "2ms", "--output-tokens", "8", *options)
        reports = pytester.path / ".npuperf" / "reports"
        before = set(reports.glob("*/summary.json"))
        measured = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}", *ON_A_BUSY_MACHINE)
        measured.assert_outcomes(passed=2)
        (summary,) = set(reports.glob("*/summary.json")) - before
        return summary.parent

    return run


def recorded(report: Path) -> dict[str, dict[str, Any]]:
    """The figures of every stage of the first case, as the run wrote them."""
    stages: dict[str, dict[str, Any]] = json.loads((report / "summary.json").read_bytes())["cases"][0][
        "stages"
    ]
    return stages


def test_a_report_has_the_figures_of_its_run(measure: Measure) -> None:
    report = measure("--ttft", "20ms", "--ttft-sigma", "0.3")
    result: CaseResult = read_report(report).cases[0].result

    stages = recorded(report)
    assert {"total", "steady"} == set(stages)
    for stage, run in result.stage_runs().items():
        for metric in ("ttft", "itl", "tpot", "e2el", "schedule_delay", "output_tokens"):
            for statistic in ("avg", "p90", "p99"):
                assert figure(run, metric, statistic)[0] == pytest.approx(
                    stages[stage][metric][statistic], 1e-12
                )
        for metric in ("request_throughput", "concurrency", "benchmark_duration", "total_token_throughput"):
            assert figure(run, metric, None)[0] == pytest.approx(stages[stage][metric], rel=1e-12)


def test_judge_says_what_the_run_said_and_more(measure: Measure, npuperf: Npuperf) -> None:
    report = measure("--ttft", "20ms")

    again = npuperf("judge", report)
    assert again.ret == 0
    again.stdout.fnmatch_lines(
        [
            "chat",
            "ttft.p90 < 5 s *pass*",
            "steady.itl.p50 < 5 s *pass*",
            "burst",
            "2 cases judged, none failed",
        ]
    )
    stricter = npuperf("judge", report, "--slo", "ttft.p50 < 5 ms", "--case", "chat")
    assert stricter.ret == 1
    stricter.stdout.fnmatch_lines(["ttft.p50 < 5 ms *FAIL*", "1 case judged, 1 failed: chat"])
    assert npuperf("judge", report, "--slo", "ttft.p50 < 5 parsec").ret == 2


def test_compare_finds_the_slower_server(measure: Measure, npuperf: Npuperf) -> None:
    fast, slow = measure("--ttft", "20ms"), measure("--ttft", "60ms")

    compared = npuperf("compare", fast, slow, "--between", "ttft.avg", "e2el.p50", "steady.ttft.p50")
    assert compared.ret == 0
    compared.stdout.fnmatch_lines(
        [
            f"A: report {fast}",
            f"B: report {slow}",
            "chat",
            "ttft.avg * worse",
            "e2el.p50 * worse",
            "burst",
            "ttft.avg * unclear",
        ]
    )


def test_noise_makes_a_baseline_that_budgets_can_name(
    pytester: pytest.Pytester, server: Any, npuperf: Npuperf
) -> None:
    pytester.makefile(".yaml", npuperf=CASES)
    measured = npuperf(
        "noise", "3", "--name", "quiet", "--", f"--npuperf-base-url={server.url}", "-k", "chat"
    )

    assert measured.ret == 0
    measured.stdout.fnmatch_lines(
        [
            "chat: 3 runs",
            "ttft.avg *%",
            "*ttft.p99 <= baseline(quiet) + max(5 %, noise)",
        ],
        consecutive=False,
    )
    assert len(list((pytester.path / ".npuperf" / "baselines" / "quiet").iterdir())) == 6, (
        "3 runs, 2 stages each"
    )


def test_noise_ends_with_the_first_run_that_measured_nothing(
    pytester: pytest.Pytester, npuperf: Npuperf
) -> None:
    pytester.makepyfile("def test_nothing_of_ours(): pass")

    nothing = npuperf("noise", "3", "--", "-q")
    assert nothing.ret == 2
    nothing.stderr.fnmatch_lines(
        ["npuperf: run 1 of 3", "*run 1 of 3 saved nothing in the baseline 'noise'*"]
    )
    mistaken = npuperf("noise", "3", "--", "--no-such-option")
    assert mistaken.ret == 2
    mistaken.stderr.fnmatch_lines(["*run 1 of 3 measured nothing: pytest ended with exit code 4*"])
