from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from pytest_npuperf.errors import CaseError
from pytest_npuperf.workload import Dataset, Gsm8k, Gsm8kShaped, Synthetic, parse_dataset, prompts

BASE = Path("/project")
ALLOWED = (
    "allowed: gsm8k (built in), {gsm8k: PATH}, {gsm8k: {path: PATH, shots: 4}}, "
    "{synthetic: {input_tokens: 100, output_tokens: 200}}"
)


@pytest.mark.parametrize(
    ("value", "dataset"),
    [
        ("gsm8k", Gsm8kShaped(1500)),
        ({"gsm8k": "./gsm8k/test.jsonl"}, Gsm8k(BASE / "gsm8k/test.jsonl", 4)),
        ({"gsm8k": "/data/gsm8k"}, Gsm8k(Path("/data/gsm8k"), 4)),
        ({"gsm8k": Path("here")}, Gsm8k(BASE / "here", 4)),
        ({"gsm8k": {"path": "gsm8k", "shots": 2}}, Gsm8k(BASE / "gsm8k", 2)),
        ({"synthetic": {"input_tokens": 100, "output_tokens": 200}}, Synthetic(100, 200)),
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
    ("value", "message"),
    [
        ("gsm8", f"dataset: there is no 'gsm8' (did you mean gsm8k?); {ALLOWED}"),
        ("./test.jsonl", f"dataset: there is no './test.jsonl'; {ALLOWED}"),
        ({"sharegpt": "x"}, f"dataset: there is no 'sharegpt'; {ALLOWED}"),
        ({3: "x"}, f"dataset: there is no 3; {ALLOWED}"),
        (None, f"dataset: None does not name one dataset; {ALLOWED}"),
        ([], f"dataset: [] does not name one dataset; {ALLOWED}"),
        ({}, f"dataset: {{}} does not name one dataset; {ALLOWED}"),
        ({"a": 1, "b": 2}, f"dataset: {{'a': 1, 'b': 2}} does not name one dataset; {ALLOWED}"),
        ("synthetic", f"dataset: synthetic lacks input_tokens and output_tokens; {ALLOWED}"),
        ({"synthetic": {"input_tokens": 9}}, f"dataset: synthetic lacks output_tokens; {ALLOWED}"),
        (
            {"synthetic": 100},
            "dataset: synthetic is 100, but must be settings by name: input_tokens, output_tokens",
        ),
        (
            {"synthetic": {"input_token": 9, "output_tokens": 9}},
            "dataset: synthetic has no setting 'input_token' (did you mean input_tokens?); "
            "allowed: input_tokens, output_tokens",
        ),
        (
            {"synthetic": {"input_tokens": "many", "output_tokens": 9}},
            "dataset: synthetic.input_tokens is 'many', but must be a whole number of at least 4",
        ),
        ({"gsm8k": None}, "dataset: gsm8k.path is None, but must be the path of a file or folder"),
        ({"gsm8k": {"shots": 4}}, f"dataset: gsm8k lacks path; {ALLOWED}"),
        (
            {"gsm8k": {"path": "x", "seed": 4}},
            "dataset: gsm8k has no setting 'seed'; allowed: path, shots",
        ),
        (
            {"gsm8k": {"path": "x", "shots": "four"}},
            "dataset: gsm8k.shots is 'four', but must be a whole number of at least 0",
        ),
    ],
)
def test_what_names_no_dataset_is_refused(value: object, message: str) -> None:
    with pytest.raises(CaseError) as caught:
        parse_dataset(value, base=BASE)

    assert str(caught.value) == message


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
