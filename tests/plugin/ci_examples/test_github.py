"""examples/ci/github.yml: valid, and its steps run as GitHub Actions runs them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

SHELL = ("bash", "-e", "-c")


def test_it_is_valid_by_the_schema(examples: Path) -> None:
    command = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows")
    result = subprocess.run([*command, str(examples / "github.yml")], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


def test_actionlint_finds_nothing(examples: Path, tmp_path: Path) -> None:
    actionlint = shutil.which("actionlint") or shutil.which("actionlint", path=Path(sys.executable).parent)
    if actionlint is None:
        pytest.skip("actionlint is not installed")
    labels = tmp_path / "actionlint.yaml"
    labels.write_text("self-hosted-runner: {labels: [npu]}\n")
    command = (actionlint, "-config-file", str(labels), "-no-color", str(examples / "github.yml"))
    result = subprocess.run(command, capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (0, "")


def test_it_is_red_where_the_server_got_slower_than_on_main(gate: Callable[..., Any]) -> None:
    *_, slower = gate(run)
    summary = (slower.artifacts / "step-summary.md").read_text()
    assert summary.startswith("## Serving performance: 1 case: 1 failed")
    assert "baseline + 10 %" in summary
    assert any("::error " in text for text in slower.output)


def test_the_first_pull_request_has_no_baseline(build: Callable[..., Any]) -> None:
    first = build("same")
    assert run(first), first.output
    outcomes = {budget: outcome for budget, outcome in first.outcomes.items() if "baseline" in budget}
    assert set(outcomes.values()) == {"no baseline"}
    assert any("::warning " in text for text in first.output)
    strict = build("same", NPUPERF_INCONCLUSIVE="fail")
    assert not run(strict)
    assert "ttft.avg <= baseline + 10 %" in strict.failures[0].splitlines()[0]


def test_it_is_red_where_a_latency_budget_is_broken(build: Callable[..., Any]) -> None:
    broken = build("same", NPUPERF_SLO="ttft.p90 < 1 ms")
    assert not run(broken)
    assert broken.failures[0].startswith("broken: ttft.p90 < 1 ms ")


def test_only_green_and_recent_runs_of_main_are_kept(keeping: Callable[..., None]) -> None:
    keeping(run)


def run(build: Any) -> bool:
    """Whether the job was green."""
    workflow = yaml.safe_load((build.checkout / ".github/workflows/npuperf.yml").read_text())
    (job,) = workflow["jobs"].values()
    known = {
        "vars.MODEL_PATH": build.environ["MODEL_PATH"],
        "github.run_id": f"{build.number:03}",
        "github.run_attempt": "1",
    }
    build = build.with_environ(
        CI="true",
        GITHUB_ACTIONS="true",
        GITHUB_WORKSPACE=str(build.checkout),
        GITHUB_STEP_SUMMARY=str(build.artifacts / "step-summary.md"),
        **_expanded(job["env"], known),
    )
    is_green = True
    for step in job["steps"]:
        if not _is_due(step.get("if"), is_green=is_green, is_main=build.is_main):
            continue
        if "run" in step:
            is_green = build.run(*SHELL, step["run"]) and is_green
        else:
            action, _, _version = step["uses"].partition("@")
            ACTIONS[action](build, _expanded(step.get("with", {}), known))
    return is_green


def _expanded(values: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, str]:
    return {
        name: re.sub(r"\$\{\{ *(.*?) *\}\}", lambda match: known[match[1]], str(value))
        for name, value in values.items()
    }


def _is_due(condition: str | None, *, is_green: bool, is_main: bool) -> bool:
    if condition == "${{ !cancelled() }}":
        return True
    met = {
        None: True,
        "github.ref == 'refs/heads/main'": is_main,
        "github.ref != 'refs/heads/main'": not is_main,
    }
    return is_green and met[condition]


def _checkout(build: Any, inputs: Mapping[str, str]) -> None:
    assert build.checkout.is_dir()
    assert not inputs


def _restore_cache(build: Any, inputs: Mapping[str, str]) -> None:
    found = sorted(build.kept.glob(f"{inputs['restore-keys']}*"))
    if found:
        build.copy(found[-1], build.checkout / inputs["path"])


def _save_cache(build: Any, inputs: Mapping[str, str]) -> None:
    cache = build.kept / inputs["key"]
    assert not cache.exists(), "a cache is never written again"
    build.copy(build.checkout / inputs["path"], cache)


def _upload(build: Any, inputs: Mapping[str, str]) -> None:
    takes_hidden = inputs.get("include-hidden-files") == "True"
    build.keep(path for path in inputs["path"].split() if takes_hidden or not path.startswith("."))


ACTIONS: dict[str, Callable[[Any, Mapping[str, str]], None]] = {
    "actions/checkout": _checkout,
    "actions/cache/restore": _restore_cache,
    "actions/cache/save": _save_cache,
    "actions/upload-artifact": _upload,
}
