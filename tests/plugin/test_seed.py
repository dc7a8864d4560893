"""``--npuperf-seed``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_npuperf.options import read_settings

CASES = """
cases:
  - name: first
    dataset: {synthetic: {input_tokens: 64, output_tokens: 2}}
    request: {headers: {x-tenant: a}}
  - name: tiny
    dataset: {synthetic: {input_tokens: 256, output_tokens: 2}}
    requests: 12
    load: {concurrency: 2}
  - name: talk
    dataset: {conversation: {turns: 2, input_tokens: 64, output_tokens: 2}}
"""


def test_without_one_each_run_draws_its_own(pytester: pytest.Pytester) -> None:
    config = pytester.parseconfig()
    drawn = [read_settings(config, {}) for _ in range(3)]
    # three equal ones of 2 ** 32 would be a wonder
    assert len({settings.seed for settings in drawn}) > 1
    assert {settings.sources["seed"] for settings in drawn} == {"drawn"}
    assert drawn[0].described()["seed"] == {"value": drawn[0].seed, "source": "drawn"}


def test_a_given_one_is_kept(pytester: pytest.Pytester) -> None:
    settings = read_settings(pytester.parseconfig("--npuperf-seed=0"), {})
    assert (settings.seed, settings.sources["seed"]) == (0, "option")


def test_the_same_seed_sends_the_same_prompts(
    pytester: pytest.Pytester, simulate: Callable[..., Any]
) -> None:
    server = simulate("--ttft", "1ms", "--itl", "1ms")
    pytester.makefile(".yaml", npuperf=CASES)

    def report(*arguments: str) -> Path:
        result = pytester.runpytest_subprocess(
            f"--npuperf-base-url={server.url}",
            "--npuperf-client-health=warn",
            f"--npuperf-report-dir={len(reports)}",
            *arguments,
        )
        assert result.ret == pytest.ExitCode.OK
        (summary,) = (pytester.path / str(len(reports))).glob("*/summary.json")
        reports.append(summary.parent)
        return summary.parent

    reports: list[Path] = []
    whole, again = report("--npuperf-seed=1"), report("--npuperf-seed=1")
    alone = report("--npuperf-seed=1", "npuperf.yaml::tiny")
    other = report("--npuperf-seed=2")

    assert prompts_hashes(again) == prompts_hashes(whole)
    assert prompts_hashes(alone) == {"tiny": prompts_hashes(whole)["tiny"]}
    assert input_tokens(alone, "tiny") == input_tokens(again, "tiny") == input_tokens(whole, "tiny")
    assert len({*prompts_hashes(whole).values(), *prompts_hashes(other).values()}) == 6


def prompts_hashes(report: Path) -> dict[str, str]:
    cases = json.loads((report / "summary.json").read_text())["cases"]
    return {case["name"]: case["prompts_hash"] for case in cases}


def input_tokens(report: Path, case: str) -> list[int]:
    """What the server counted, in the order of the plan."""
    (details,) = report.glob(f"performance/*/{case}_details.json")
    requests = json.loads(details.read_text())
    requests.sort(key=lambda request: int(request["id"].rpartition("-")[2]))
    return [request["input_tokens"] for request in requests]
