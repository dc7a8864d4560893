"""Runs compared with what earlier runs measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.relative_case import CASE, FAST, SLOW

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, simulate: Callable[..., Any]) -> Run:
    """Runs the case against a simulator of its own with the given options of both."""
    pytester.makefile(".yaml", npuperf=CASE)

    def with_options(server: tuple[str, ...], *options: str) -> pytest.RunResult:
        return pytester.runpytest_subprocess(
            f"--npuperf-base-url={simulate(*server).url}", "--npuperf-client-health=warn", *options
        )

    return with_options


def verdicts_of(pytester: pytest.Pytester) -> list[dict[str, Any]]:
    """The verdicts of the newest report."""
    summaries = (pytester.path / ".npuperf" / "reports").glob("*/summary.json")
    newest = max(summaries, key=lambda path: path.stat().st_mtime)
    verdicts: list[dict[str, Any]] = json.loads(newest.read_text())["cases"][0]["verdicts"]
    return verdicts


def runs_in(pytester: pytest.Pytester, name: str = "main") -> list[Path]:
    return list((pytester.path / ".npuperf" / "baselines" / name).iterdir())


def test_the_same_server_keeps_its_budget_and_another_is_caught(pytester: pytest.Pytester, run: Run) -> None:
    saved = run(FAST, "--npuperf-save-baseline=main")
    saved.assert_outcomes(passed=1, warnings=1)
    saved.stdout.fnmatch_lines(["npuperf: saved as baseline 'main' in *main"])
    assert len(runs_in(pytester)) == 1

    run(FAST, "--npuperf-baseline=main").assert_outcomes(passed=1)
    (verdict, _) = verdicts_of(pytester)
    assert verdict["outcome"] == "pass"
    assert verdict["bound"] == pytest.approx(1.2 * verdict["baseline"])
    assert verdict["low"] < verdict["measured"] < verdict["high"]

    slow = run(SLOW, "--npuperf-baseline=main", "--npuperf-save-baseline=main")
    slow.assert_outcomes(failed=1)
    slow.stdout.fnmatch_lines(["*broken: ttft.avg <= baseline + 20 %*", "*baseline * ms (+*%), bound*"])
    assert len(runs_in(pytester)) == 2, "it is added all the same"


def test_a_missing_baseline_is_an_outcome_of_its_own(pytester: pytest.Pytester, run: Run) -> None:
    missing = run(FAST, "--npuperf-baseline=main")
    missing.assert_outcomes(passed=1, warnings=1)
    missing.stdout.fnmatch_lines(["*there is no baseline in *main*--npuperf-save-baseline=main*"])
    assert verdicts_of(pytester)[0]["outcome"] == "no baseline"


@pytest.mark.parametrize(("mode", "outcome"), [("fail", "errors"), ("skip", "skipped")])
def test_what_becomes_of_a_missing_baseline_can_be_said(run: Run, mode: str, outcome: str) -> None:
    run(FAST, "--npuperf-baseline=main", f"--npuperf-inconclusive={mode}").assert_outcomes(**{outcome: 1})


def test_a_run_that_is_saved_is_measured_though_it_fails_without_a_baseline(
    pytester: pytest.Pytester, run: Run
) -> None:
    options = ("--npuperf-baseline=main", "--npuperf-save-baseline=main", "--npuperf-inconclusive=fail")
    run(FAST, *options).assert_outcomes(failed=1)
    run(FAST, *options).assert_outcomes(passed=1)
    assert len(runs_in(pytester)) == 2


@pytest.mark.parametrize(
    ("mode", "outcomes"),
    [("warn", {"passed": 1}), ("fail", {"failed": 1}), ("skip", {"skipped": 1})],
)
def test_a_baseline_of_another_model_is_a_mismatch(
    pytester: pytest.Pytester, run: Run, mode: str, outcomes: dict[str, int]
) -> None:
    run((*FAST, "--model", "other"), "--npuperf-save-baseline=main")
    compared = run(FAST, "--npuperf-baseline=main", f"--npuperf-baseline-mismatch={mode}")
    compared.assert_outcomes(**outcomes, warnings=1 if mode == "warn" else 0)
    (verdict, _) = verdicts_of(pytester)
    assert any("served name" in what for what in (*verdict["mismatches"], verdict["reason"]))


@pytest.mark.parametrize(("mode", "outcomes"), [("warn", {"passed": 1}), ("fail", {"errors": 1})])
def test_a_baseline_of_another_workload_names_what_differs(
    pytester: pytest.Pytester, run: Run, mode: str, outcomes: dict[str, int]
) -> None:
    run(FAST, "--npuperf-save-baseline=main")
    pytester.makefile(".yaml", npuperf=CASE.replace("requests: 64", "requests: 72"))
    compared = run(FAST, "--npuperf-baseline=main", f"--npuperf-baseline-mismatch={mode}")
    compared.assert_outcomes(**outcomes, warnings=1 if mode == "warn" else 0)
    compared.stdout.fnmatch_lines(["*measured with something else: requests: 72, in the baseline 64*"])


def test_cases_of_one_name_have_baselines_of_their_own(pytester: pytest.Pytester, run: Run) -> None:
    (pytester.path / "npuperf.yaml").unlink()
    for folder, requests in (("a", 64), ("b", 72)):
        file = pytester.mkdir(folder) / "npuperf.yaml"
        file.write_text(CASE.replace("requests: 64", f"requests: {requests}"))
    run(FAST, "--npuperf-save-baseline=main").assert_outcomes(passed=2, warnings=2)
    assert len(runs_in(pytester)) == 2
    options = ("--npuperf-baseline=main", "--npuperf-baseline-mismatch=fail")
    run(FAST, *options).assert_outcomes(passed=2)
    (pytester.path / "a").rename(pytester.path / "c")
    moved = run(FAST, *options, "--npuperf-inconclusive=fail", "c")
    moved.assert_outcomes(errors=1)
    moved.stdout.fnmatch_lines(["*no run of chat (total); it has a/npuperf.yaml::chat (total), b/npuperf*"])


def test_a_case_whose_file_was_moved_finds_its_baseline(pytester: pytest.Pytester, run: Run) -> None:
    run(FAST, "--npuperf-save-baseline=main")
    (pytester.path / "npuperf.yaml").rename(pytester.mkdir("moved") / "npuperf.yaml")
    run(FAST, "--npuperf-baseline=main", "--npuperf-inconclusive=fail").assert_outcomes(passed=1)


def test_a_damaged_baseline_fails_the_budget(pytester: pytest.Pytester, run: Run) -> None:
    run(FAST, "--npuperf-save-baseline=main")
    (file,) = runs_in(pytester)
    file.write_bytes(file.read_bytes()[:100])
    damaged = run(FAST, "--npuperf-baseline=main")
    damaged.assert_outcomes(errors=1)
    damaged.stdout.fnmatch_lines(["*is damaged*"])


@pytest.mark.parametrize("option", ["--npuperf-save-baseline", "--npuperf-baseline"])
def test_a_name_that_cannot_be_is_refused_before_anything_runs(
    pytester: pytest.Pytester, run: Run, option: str
) -> None:
    refused = run(FAST, f"{option}=a b")
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    refused.stderr.fnmatch_lines(["*'a b' is no name for a baseline*"])
    assert not (pytester.path / ".npuperf").exists()


def test_what_was_not_measured_as_it_was_meant_is_not_saved(pytester: pytest.Pytester, run: Run) -> None:
    endless = CASE.replace("requests: 64", "requests: 5000") + "    abort: {failure_rate: 10 %}\n"
    pytester.makefile(".yaml", npuperf=endless)
    aborted = run((*FAST, "--fail-every", "2"), "--npuperf-save-baseline=main")
    aborted.stdout.fnmatch_lines(["npuperf: chat is not saved as a baseline: *"])
    assert not (pytester.path / ".npuperf" / "baselines").exists()
