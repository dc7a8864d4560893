"""Which settings of a workload differ, in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_npuperf.baselines import fingerprint, mismatches
from pytest_npuperf.case import Case
from pytest_npuperf.load.plan import Arrival, ClosedLoop, Constant, Gamma, OpenLoop, Poisson
from pytest_npuperf.workload import Conversation, Jsonl, Synthetic


def differences(baseline: Case, current: Case) -> list[str]:
    return mismatches(*(fingerprint({}, {}, case.described()) for case in (baseline, current)))


def case(**settings: Any) -> Case:
    return Case(**({"name": "x", "dataset": Synthetic(input_tokens=100, output_tokens=20)} | settings))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"requests": 9}, ["requests: 9, in the baseline 8"]),
        ({"load": ClosedLoop(8)}, ["load.concurrency: 8, in the baseline 1"]),
        ({"warmup": 3}, ["warmup: 3, in the baseline not set"]),
        (
            {"dataset": Synthetic(input_tokens=200, output_tokens=20)},
            ["dataset.synthetic.input_tokens: 200, in the baseline 100"],
        ),
        ({"dataset": Jsonl(Path("/a/b.jsonl"))}, ["dataset: jsonl, in the baseline synthetic"]),
        (
            {"load": OpenLoop(5), "max_tokens": 7},
            [
                "load.concurrency: not set, in the baseline 1",
                "load.think_time: not set, in the baseline 0.0",
                "load.rate: 5, in the baseline not set",
                "load.arrival: poisson, in the baseline not set",
                "max_tokens: 7, in the baseline 512",
            ],
        ),
        ({"extra_body": {"top_p": 0.5}}, ["extra_body.top_p: 0.5, in the baseline not set"]),
        ({"seed": 7, "steady": True, "name": "y"}, []),
    ],
)
def test_settings_that_differ_are_named_with_both_values(settings: dict[str, Any], said: list[str]) -> None:
    assert differences(case(), case(**settings)) == said


def test_long_values_are_cut() -> None:
    (said,) = differences(case(), case(extra_body={"stop": ["word"] * 100}))
    assert said.startswith('extra_body.stop: ["word", ')
    assert said.endswith("..., in the baseline not set")
    assert len(said) < 120


@pytest.mark.parametrize(
    ("arrival", "said"),
    [(Constant(), "constant"), (Poisson(), ""), (Gamma(0.5), '{"gamma": {"burstiness": 0.5}}')],
)
def test_arrivals_are_told_apart(arrival: Arrival, said: str) -> None:
    found = differences(case(load=OpenLoop(5)), case(load=OpenLoop(5, arrival)))
    assert found == ([f"load.arrival: {said}, in the baseline poisson"] if said else [])


def test_a_file_lies_elsewhere_on_another_machine() -> None:
    here, there = (case(dataset=Jsonl(Path(folder) / "prompts.jsonl")) for folder in ("/a", "/b"))
    assert differences(here, there) == []


def test_a_setting_that_another_version_did_not_have_is_unknown() -> None:
    before = fingerprint({}, {}, {"requests": 8})
    assert mismatches(before, fingerprint({}, {}, {"requests": 8, "new": 1})) == []
    assert mismatches(fingerprint({}, {}, {"requests": 8, "old": 1}), before) == []


def test_hashes_are_told_where_the_baseline_has_nothing_else() -> None:
    current = fingerprint({}, {}, case().described())
    same = str(current["workload"])
    assert len(same) == 16
    assert mismatches({"workload": same}, current) == []
    (said,) = mismatches({"workload": "0123456789abcdef"}, current)
    assert said.startswith(
        f"workload: {same}, in the baseline 0123456789abcdef; which setting it is cannot be told"
    )


def test_lengths_that_are_drawn_count() -> None:
    two, three = (
        case(dataset=Conversation(turns=turns, input_tokens=10, output_tokens=5)) for turns in (2, [2, 3])
    )
    assert differences(two, three) == ['dataset.conversation.turns: {"values": [2, 3]}, in the baseline 2']


def test_text_that_begins_like_a_path_counts_whole() -> None:
    one, other = (fingerprint({}, {}, {"extra_body": {"stop": stop}}) for stop in ("/end/now", "now"))
    assert mismatches(one, other) == ["extra_body.stop: now, in the baseline /end/now"]
