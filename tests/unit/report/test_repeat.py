from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

from pytest_npuperf.report.repeat import known_load, repeat_command, repeat_lines, repeat_run_command
from pytest_npuperf.result import CaseResult


def _settings(source: str = "option", **values: Any) -> dict[str, dict[str, Any]]:
    return {name: {"value": value, "source": source} for name, value in values.items()}


def test_the_command_has_the_item_the_target_the_budgets_and_the_seed() -> None:
    settings = _settings(base_url="http://127.0.0.1:8000", slo=("ttft.p99 < 1 s", "failed_requests == 0"))
    settings |= _settings("drawn", seed=7)
    command = repeat_command(settings, "npuperf.yaml::chat[concurrency=4]")
    assert shlex.split(command) == [
        "pytest",
        "npuperf.yaml::chat[concurrency=4]",
        "--npuperf-base-url=http://127.0.0.1:8000",
        "--npuperf-slo=ttft.p99 < 1 s",
        "--npuperf-slo=failed_requests == 0",
        "--npuperf-seed=7",
    ]


def test_what_stands_in_the_ini_file_or_says_where_results_go_is_left_out() -> None:
    settings = _settings("ini", task="any-to-any") | _settings("default", port=8000)
    settings |= _settings(report_dir="/reports", zip=True, markdown="/a.md")
    assert repeat_command(settings, "test_it.py::test_chat") == "pytest test_it.py::test_chat"


def test_the_seed_is_there_wherever_it_came_from() -> None:
    assert repeat_command(_settings("ini", seed=7), "a.py::b") == "pytest a.py::b --npuperf-seed=7"


def test_flags_have_no_value_and_zero_is_a_value() -> None:
    settings = _settings(insecure=True, confirm=0, dataset=None) | _settings("environment", save_text=False)
    assert repeat_command(settings, "a.py::b") == "pytest a.py::b --npuperf-insecure --npuperf-confirm=0"


def test_columns_are_one_option() -> None:
    settings = _settings(stats=("Average", "P50", "P99.9"))
    assert repeat_command(settings, "a.py::b") == "pytest a.py::b --npuperf-stats=Average,P50,P99.9"
    assert repeat_command(_settings(stats=()), "a.py::b") == "pytest a.py::b"


def test_a_run_is_repeated_item_by_item_with_its_seed_and_without_its_outputs() -> None:
    settings = _settings(base_url="http://host", save_baseline="main", zip=True, pictures="svg")
    settings |= _settings("drawn", seed=7)
    command = repeat_run_command(settings, ["npuperf.yaml::chat", "a.py::b[1 2]"])
    assert command == (
        "pytest npuperf.yaml::chat 'a.py::b[1 2]' --npuperf-base-url=http://host --npuperf-seed=7"
    )
    assert repeat_run_command({}, ["npuperf::gsm8kdataset"]) == "pytest -k gsm8kdataset"


def test_no_secret_is_in_the_command() -> None:
    settings = _settings(api_key="(set)", base_url="https://host/v1?x=a@b")
    assert repeat_command(settings, "a.py::b") == (
        "pytest a.py::b --npuperf-api-key=\"$NPUPERF_API_KEY\" --npuperf-base-url='https://host/v1?x=a@b'"
    )


def test_the_built_in_case_stands_in_no_file() -> None:
    assert repeat_command({}, "npuperf::gsm8kdataset") == "pytest -k gsm8kdataset"


def test_a_node_id_cannot_run_another_command() -> None:
    hostile = "a.py::b[$(reboot)'; reboot #\n]"
    assert shlex.split(repeat_command({}, hostile)) == ["pytest", hostile.replace("\n", r"\n")]


def test_what_was_sent_and_who_answered_stand_above_the_command(
    make_result: Callable[..., CaseResult],
) -> None:
    results = [make_result(prompts_hash="3fa1"), make_result(prompts_hash="77b2"), make_result()]
    lines = repeat_lines(results, settings={}, server={"server": "uvicorn", "version": "0.11.0"})
    assert lines == [
        "repeat it (prompts 3fa1, prompts 77b2, server 0.11.0):",
        "  pytest npuperf.yaml::chat",
    ]
    assert repeat_lines([make_result()], settings={}, server={})[0] == "repeat it:"


def test_the_prompts_of_a_and_b_are_named_in_one_order(make_result: Callable[..., CaseResult]) -> None:
    a = make_result("chat@A", nodeid="x::chat", in_pairs=True, prompts_hash="3fa1")
    b = make_result("chat", nodeid="x::chat", in_pairs=True, prompts_hash="77b2")
    told = "chat@A: prompts 3fa1, chat: prompts 77b2"
    assert known_load([a, b], server={}) == known_load([b, a], server={}) == told
