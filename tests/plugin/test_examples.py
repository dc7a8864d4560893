"""The examples that users copy from: whole, and they run."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from pytest_npuperf.case import Case
from pytest_npuperf.case_file import read_case_file
from pytest_npuperf.load.plan import Arrival, ClosedLoop, OpenLoop, Ramp, Replay
from pytest_npuperf.workload import Dataset, Gsm8kShaped, Multimodal, Synthetic
from pytest_npuperf.workload.lengths import Length

WORKLOADS = Path(__file__).parents[2] / "examples" / "workloads"


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return [case for _, case in read_case_file(WORKLOADS / "npuperf.yaml").cases]


def test_there_is_an_example_of_every_dataset(cases: list[Case]) -> None:
    assert {type(case.dataset) for case in cases} == set(get_args(Dataset))
    lengths = [case.dataset.input_tokens for case in cases if isinstance(case.dataset, Synthetic)]
    assert {type(length) for length in lengths} == set(get_args(Length))
    assert any(case.dataset.prefix for case in cases if isinstance(case.dataset, Synthetic))
    media = [case.dataset for case in cases if isinstance(case.dataset, Multimodal)]
    assert any(dataset.images and dataset.video and dataset.audio for dataset in media)


def test_there_is_an_example_of_every_load(cases: list[Case]) -> None:
    loads = [case.load for case in cases]
    open_loops = [load for load in loads if isinstance(load, OpenLoop)]
    assert {type(load) for load in loads} == {ClosedLoop, OpenLoop, Replay}
    assert any(load.think_time for load in loads if isinstance(load, ClosedLoop))
    assert any(load.concurrency for load in open_loops)
    assert {type(load.arrival) for load in open_loops} == set(get_args(Arrival))
    assert {type(load.rate) for load in open_loops} == {float, tuple, Ramp}
    ramps = [load.rate for load in open_loops if isinstance(load.rate, Ramp)]
    assert {ramp.shape for ramp in ramps} == {"linear", "exponential"}


@pytest.mark.parametrize(
    "key",
    [
        "requests",
        "duration",
        "warmup",
        "cooldown",
        "max_tokens",
        "slo",
        "task",
        "extra_body",
        "headers",
        "cancel",
        "abort",
        "until",
        "search",
        "sweep",
        "steady",
    ],
)
def test_there_is_an_example_of_every_key(cases: list[Case], key: str) -> None:
    plain = Case(name="plain", dataset=Gsm8kShaped())
    assert any(getattr(case, key) != getattr(plain, key) for case in cases)


def test_the_example_runs_on_the_simulator(
    pytester: pytest.Pytester,
    simulate: Callable[..., Any],
    summary_of: Callable[[pytest.Pytester], dict[str, Any]],
    cases: list[Case],
) -> None:
    server = simulate("--ttft", "10ms", "--itl", "2ms", "--output-tokens", "8", "--max-batch", "4")
    shutil.copytree(WORKLOADS, pytester.path, dirs_exist_ok=True)
    # what else runs on this machine may keep the client busy, and is not what this is about
    result = pytester.runpytest_subprocess(
        f"--npuperf-base-url={server.url}", "--npuperf-client-health=warn", "--npuperf-seed=1"
    )
    result.assert_outcomes(passed=len(cases))
    measured = {case["name"]: case for case in summary_of(pytester)["cases"]}
    total = {name: case["stages"]["total"] for name, case in measured.items()}
    assert {figures["failed_requests"] for figures in total.values()} == {0}
    assert total["replay"]["total_requests"] == 6
    assert total["until"]["total_requests"] < 5000
    assert total["cancel-tokens"]["cancelled_requests"] > 0
    assert {"turn 1", "turn 2", "turn 3"} <= measured["conversation"]["stages"].keys()
    assert [step["load"] for step in measured["sweep"]["exploration"]["steps"]] == [1, 2, 4]
