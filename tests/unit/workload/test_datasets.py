from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import get_args

import pytest
import yaml

from pytest_npuperf.errors import CaseError
from pytest_npuperf.workload import (
    Csv,
    Dataset,
    Gsm8k,
    Gsm8kShaped,
    Jsonl,
    ShareGpt,
    Synthetic,
    Text,
    parse_dataset,
    prompts,
)

BASE = Path("/project")
EXAMPLE = re.compile(r"\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}")
"""What stands in braces, with braces inside."""


@pytest.mark.parametrize(
    ("value", "dataset"),
    [
        ("gsm8k", Gsm8kShaped(1500)),
        ({"gsm8k": "./gsm8k/test.jsonl"}, Gsm8k(BASE / "gsm8k/test.jsonl", 4)),
        ({"gsm8k": "/data/gsm8k"}, Gsm8k(Path("/data/gsm8k"), 4)),
        ({"gsm8k": Path("here")}, Gsm8k(BASE / "here", 4)),
        ({"gsm8k": {"path": "gsm8k", "shots": 2}}, Gsm8k(BASE / "gsm8k", 2)),
        ({"synthetic": {"input_tokens": 100, "output_tokens": 200}}, Synthetic(100, 200)),
        ({"sharegpt": "sharegpt.json"}, ShareGpt(BASE / "sharegpt.json")),
        (
            {"sharegpt": {"path": "s.json", "turns": "all", "think_time": "500 ms", "max_input_tokens": 99}},
            ShareGpt(BASE / "s.json", turns="all", think_time=0.5, max_input_tokens=99),
        ),
        ({"sharegpt": {"path": "s.json", "think_time": 0}}, ShareGpt(BASE / "s.json")),
        ({"jsonl": "questions.jsonl"}, Jsonl(BASE / "questions.jsonl")),
        ({"jsonl": {"path": "/data/q.jsonl"}}, Jsonl(Path("/data/q.jsonl"))),
        ({"csv": "questions.csv"}, Csv(BASE / "questions.csv")),
        ({"text": Path("prompts.txt")}, Text(BASE / "prompts.txt")),
        ({"text": {"path": "p.txt", "separator": "---"}}, Text(BASE / "p.txt", separator="---")),
        (Synthetic(10, 20), Synthetic(10, 20)),
        (Gsm8kShaped(700), Gsm8kShaped(700)),
        (Gsm8k(Path("as/it/is")), Gsm8k(Path("as/it/is"))),
    ],
)
def test_a_case_names_its_dataset(value: object, dataset: Dataset) -> None:
    assert parse_dataset(value, base=BASE) == dataset


def test_a_path_can_start_at_home() -> None:
    assert parse_dataset({"gsm8k": "~/gsm8k"}, base=BASE) == Gsm8k(Path.home() / "gsm8k")


@pytest.mark.parametrize(
    ("value", "beginning"),
    [
        ("gsm8", "dataset: there is no 'gsm8' (did you mean gsm8k?)"),
        ("./test.jsonl", "dataset: there is no './test.jsonl'"),
        ({"burst": "x"}, "dataset: there is no 'burst'"),
        ({3: "x"}, "dataset: there is no '3'"),
        (None, "dataset: None does not name one dataset"),
        ([], "dataset: [] does not name one dataset"),
        ({}, "dataset: {} does not name one dataset"),
        ({"a": 1, "b": 2}, "dataset: {'a': 1, 'b': 2} does not name one dataset"),
    ],
)
def test_what_names_no_dataset_is_told_those_there_are(value: object, beginning: str) -> None:
    with pytest.raises(CaseError) as caught:
        parse_dataset(value, base=BASE)

    assert str(caught.value).startswith(
        f"{beginning}; allowed: gsm8k (built in), {{gsm8k: PATH}}, {{gsm8k: {{path: PATH, shots: 4}}}}, "
    )


def test_the_examples_shown_name_every_dataset_and_can_be_used() -> None:
    with pytest.raises(CaseError) as caught:
        parse_dataset(None, base=BASE)

    _, _, shown = str(caught.value).partition("allowed: ")
    examples = ["gsm8k", *map(yaml.safe_load, EXAMPLE.findall(shown))]
    assert {type(parse_dataset(example, base=BASE)) for example in examples} == set(get_args(Dataset))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("synthetic", "dataset: synthetic lacks input_tokens and output_tokens; it takes "),
        ({"synthetic": {"input_tokens": 9}}, "dataset: synthetic lacks output_tokens; it takes "),
        (
            {"synthetic": 100},
            "dataset: synthetic is 100, but must be settings by name: input_tokens, output_tokens",
        ),
        (
            {"synthetic": {"input_token": 9, "output_tokens": 9}},
            "dataset: synthetic has no setting 'input_token' (did you mean input_tokens?); allowed: ",
        ),
        ({"gsm8k": None}, "dataset: gsm8k.path is None, but must be the path of a file or folder"),
        ({"gsm8k": {"shots": 4}}, "dataset: gsm8k lacks path; it takes path, shots"),
        (
            {"gsm8k": {"path": "x", "seed": 4}},
            "dataset: gsm8k has no setting 'seed'; allowed: path, shots",
        ),
        (
            {"gsm8k": {"path": "x", "shots": "four"}},
            "dataset: gsm8k.shots is 'four', but must be a whole number of at least 0",
        ),
        ("jsonl", "dataset: jsonl lacks path; it takes path"),
        ({"jsonl": 7}, "dataset: jsonl.path is 7, but must be the path of a file or folder"),
        ({"csv": {"path": "x", "sep": ";"}}, "dataset: csv has no setting 'sep'; allowed: path"),
        (
            {"text": {"path": "x", "seperator": "-"}},
            "dataset: text has no setting 'seperator' (did you mean separator?); allowed: path, separator",
        ),
        (
            {"text": {"path": "x", "separator": "\n\n"}},
            "dataset: text.separator is '\\n\\n', but must be a text of one line",
        ),
        (
            {"sharegpt": {"path": "x", "turns": "every"}},
            "dataset: sharegpt.turns is 'every', but must be a whole number of at least 1, or all",
        ),
        (
            {"sharegpt": {"path": "x", "turns": True}},
            "dataset: sharegpt.turns is True, but must be a whole number of at least 1, or all",
        ),
        (
            {"sharegpt": {"path": "x", "think_time": "soon"}},
            "dataset: sharegpt.think_time: 'soon' is not a duration: allowed are ",
        ),
        (
            {"sharegpt": {"path": "x", "think_time": -1}},
            "dataset: sharegpt.think_time is -1, but must be a number of seconds of at least 0, or a "
            "duration like 500 ms",
        ),
        (
            {"sharegpt": {"path": "x", "max_input_tokens": 0}},
            "dataset: sharegpt.max_input_tokens is 0, but must be a whole number of at least 4",
        ),
        (
            {"sharegpt": {"path": "x", "max_total_tokens": "2k"}},
            "dataset: sharegpt.max_total_tokens is '2k', but must be a whole number of at least 8",
        ),
    ],
)
def test_a_setting_that_is_not_allowed_is_refused(value: object, message: str) -> None:
    with pytest.raises(CaseError) as caught:
        parse_dataset(value, base=BASE)

    assert str(caught.value).startswith(message)


@pytest.fixture
def gsm8k(tmp_path: Path) -> Gsm8k:
    path = tmp_path / "test.jsonl"
    rows = [{"question": f"Q{row}?", "answer": f"A.\n#### {row}"} for row in range(9)]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return Gsm8k(path)


def test_every_dataset_gives_prompts_with_the_answer_length_asked_for(gsm8k: Gsm8k) -> None:
    first = {
        type(dataset): next(prompts(dataset, seed=0, max_tokens=77))
        for dataset in (gsm8k, Gsm8kShaped(), Synthetic(10, 20))
    }

    assert {kind.__name__: prompt.max_tokens for kind, prompt in first.items()} == {
        "Gsm8k": 77,
        "Gsm8kShaped": 77,
        "Synthetic": 20,
    }


@pytest.mark.parametrize("dataset", [Gsm8kShaped(400), Synthetic(30, 20)], ids=["gsm8k", "synthetic"])
def test_a_prompt_does_not_depend_on_the_process_that_makes_it(dataset: Dataset) -> None:
    program = (
        "from itertools import islice\n"
        "from pytest_npuperf.workload import Gsm8kShaped, Synthetic, prompts\n"
        f"print([p.messages for p in islice(prompts({dataset!r}, seed=5, max_tokens=9), 3)])"
    )
    output = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": "123"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    here = [prompt.messages for prompt in islice(prompts(dataset, seed=5, max_tokens=9), 3)]
    assert output.strip() == repr(here)
