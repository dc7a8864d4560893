from __future__ import annotations

from itertools import islice

import pytest

from pytest_npuperf.errors import CaseError
from pytest_npuperf.workload.gsm8k_shaped import Gsm8kShaped, gsm8k_shaped_prompts
from pytest_npuperf.workload.tokens import estimate_tokens


def texts(dataset: Gsm8kShaped, *, seed: int | str = 0, count: int = 20) -> list[str]:
    prompts = islice(gsm8k_shaped_prompts(dataset, seed=seed, max_tokens=512), count)
    return [prompt.messages[0]["content"] for prompt in prompts]


def test_the_default_is_about_1500_tokens_in_four_or_more_shots() -> None:
    for prompt in islice(gsm8k_shaped_prompts(Gsm8kShaped(), seed=0, max_tokens=512), 50):
        text = prompt.messages[0]["content"]
        assert estimate_tokens(text) == pytest.approx(1500, abs=40)
        assert text.count("The answer is ") >= 4
        assert text.count("Question: ") == text.count("The answer is ") + 1
        assert text.endswith("Let's think step by step\nAnswer:\n")
        assert (prompt.input_tokens, prompt.max_tokens, prompt.exact_output) == (1500, 512, False)


@pytest.mark.parametrize("input_tokens", [400, 777, 4000])
def test_prompts_come_near_the_length_asked_for(input_tokens: int) -> None:
    for text in texts(Gsm8kShaped(input_tokens)):
        assert estimate_tokens(text) == pytest.approx(input_tokens, abs=40)


def test_the_same_seed_gives_the_same_prompts_and_another_seed_others() -> None:
    assert texts(Gsm8kShaped(), seed="a") == texts(Gsm8kShaped(), seed="a")
    assert not set(texts(Gsm8kShaped(), seed="a")) & set(texts(Gsm8kShaped(), seed="b"))


def test_prompts_are_unique() -> None:
    drawn = texts(Gsm8kShaped(400), count=300)

    assert len(set(drawn)) == 300


def test_a_length_that_holds_no_examples_is_refused() -> None:
    with pytest.raises(CaseError, match=r"dataset: gsm8k\.input_tokens is 399, but must be .* at least 400"):
        Gsm8kShaped(399)
