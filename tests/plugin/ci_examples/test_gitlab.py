"""examples/ci/gitlab-ci.yml: valid, and its scripts run as a GitLab runner runs them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

SHELL = ("bash", "-e", "-o", "pipefail", "-c")
JOB_URL = "https://gitlab.example/adapter/-/jobs/1"


def test_it_is_valid_by_the_schema(examples: Path) -> None:
    command = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.gitlab-ci")
    arguments = ("--data-transform", "gitlab-ci", str(examples / "gitlab-ci.yml"))
    result = subprocess.run([*command, *arguments], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


def test_it_is_red_where_the_server_got_slower_than_on_main(gate: Callable[..., Any]) -> None:
    *_, slower = gate(run)
    summary = (slower.artifacts / "npuperf.md").read_text()
    assert summary.startswith("## Serving performance: 1 case: 1 failed")
    assert f"[artifacts]({JOB_URL}/artifacts/browse)" in summary


def test_only_green_and_recent_runs_of_main_are_kept(keeping: Callable[..., None]) -> None:
    keeping(run)


def run(build: Any) -> bool:
    """Whether the one job that is due was green."""
    config = yaml.safe_load((build.checkout / ".gitlab-ci.yml").read_text())
    job = _job(config, is_main=build.is_main)
    build = build.with_environ(CI="true", GITLAB_CI="true", CI_JOB_URL=JOB_URL)
    cache, artifacts = job["cache"], job["artifacts"]
    for path in cache["paths"]:
        build.copy(build.kept / cache["key"] / path, build.checkout / path)
    is_green: bool = build.run(*SHELL, "\n".join([*job["before_script"], *job["script"]]))
    if is_green and cache["policy"] == "pull-push":
        for path in cache["paths"]:
            build.copy(build.checkout / path, build.kept / cache["key"] / path)
    assert artifacts["when"] == "always"
    build.keep([*artifacts["paths"], *artifacts["reports"].values()])
    return is_green


def _job(config: Mapping[str, Any], *, is_main: bool) -> dict[str, Any]:
    met = {
        '$CI_PIPELINE_SOURCE == "merge_request_event"': not is_main,
        '$CI_COMMIT_BRANCH == "main"': is_main,
    }

    def is_due(job: Mapping[str, Any]) -> bool:
        return any(met[rule["if"]] for rule in job["rules"])

    assert is_due(config["workflow"])
    names = [name for name in config if name != "workflow" and not name.startswith(".")]
    jobs = [_merged(config[config[name]["extends"]], config[name]) for name in names]
    (job,) = filter(is_due, jobs)
    return job


def _merged(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """What `extends` makes of two jobs: mappings are merged, all else is replaced."""
    merged = dict(base)
    for key, value in own.items():
        are_mappings = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = _merged(base[key], value) if are_mappings else value
    return merged
