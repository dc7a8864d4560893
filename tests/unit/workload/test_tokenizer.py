from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

from pytest_npuperf.workload.gauge import Gauge
from pytest_npuperf.workload.natural_text import natural_text, opening
from pytest_npuperf.workload.tokenizer import token_counter
from pytest_npuperf.workload.tokens import estimate_tokens


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model directory whose tokenizer cuts text into pieces of three characters."""
    tokenizer = Tokenizer(models.WordLevel({"piece": 0}, unk_token="piece"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(".{1,3}"), "isolated")
    tokenizer.enable_truncation(max_length=16)
    tokenizer.enable_padding(length=8)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return tmp_path


def test_the_models_tokenizer_counts_without_its_limits(model: Path) -> None:
    counter = token_counter(model)

    assert counter.exact
    assert counter.source == f"the tokenizer of {model}"
    assert [counter.count("x" * length) for length in (3, 4, 3000)] == [1, 2, 1000]


def test_texts_are_made_to_the_models_tokenizer(model: Path) -> None:
    gauge = Gauge(token_counter(model).count, template_tokens=31)
    text = natural_text(random.Random(0), 1024, gauge=gauge, begin=opening(0, 0))

    assert (len(text) + 2) // 3 == 1024 - 31


def test_without_a_tokenizer_tokens_are_estimated(tmp_path: Path) -> None:
    for path, why in ((None, "there is no directory of the model"), (tmp_path, f"{tmp_path} has no")):
        counter = token_counter(path)

        assert counter.count is estimate_tokens
        assert not counter.exact
        assert counter.source.startswith(f"an estimate, because {why}")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")

    counter = token_counter(tmp_path)

    assert counter.count is estimate_tokens
    assert f"the package tokenizers cannot read {tmp_path / 'tokenizer.json'}: " in counter.source


def test_a_missing_package_is_named_with_how_to_install_it(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)

    assert token_counter(model).source == (
        "an estimate, because the package tokenizers is not installed: "
        "pip install 'pytest-npuperf[tokenizer]'"
    )
