from __future__ import annotations

from itertools import islice

import pytest

from pytest_npuperf.errors import CaseError
from pytest_npuperf.workload.synthetic import Synthetic, synthetic_prompts
from pytest_npuperf.workload.tokens import estimate_tokens


def texts(dataset: Synthetic, *, seed: int | str = 0, count: int = 20) -> list[str]:
    prompts = islice(synthetic_prompts(dataset, seed=seed), count)
    return [prompt.messages[0]["content"] for prompt in prompts]


@pytest.mark.parametrize("input_tokens", [4, 5, 10, 11, 12, 100, 1500])
def test_every_prompt_has_the_length_asked_for(input_tokens: int) -> None:
    assert {estimate_tokens(text) for text in texts(Synthetic(input_tokens, 8))} == {input_tokens}


def test_the_output_length_is_exact_and_the_input_length_told() -> None:
    prompt = next(synthetic_prompts(Synthetic(100, 200), seed=0))

    assert (prompt.input_tokens, prompt.max_tokens, prompt.exact_output) == (100, 200, True)


def test_prompts_differ_within_their_first_four_words() -> None:
    openings = {tuple(text.split()[:4]) for text in texts(Synthetic(8, 1), count=20_000)}

    assert len(openings) == 20_000


def test_the_shortest_prompts_are_unique_too() -> None:
    assert len(set(texts(Synthetic(4, 1), count=5000))) == 5000


def test_the_text_looks_like_sentences() -> None:
    sentences = texts(Synthetic(300, 1), count=1)[0].split(". ")

    assert len(sentences) > 15
    assert all(sentence[0].isupper() for sentence in sentences)
    assert not any(" ." in sentence or " ," in sentence for sentence in sentences)


def test_the_same_seed_gives_the_same_prompts_and_another_seed_others() -> None:
    assert texts(Synthetic(50, 1), seed=1) == texts(Synthetic(50, 1), seed=1)
    assert not set(texts(Synthetic(50, 1), seed=1)) & set(texts(Synthetic(50, 1), seed=2))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ((3, 1), "dataset: synthetic.input_tokens is 3, but must be a whole number of at least 4"),
        ((100, 0), "dataset: synthetic.output_tokens is 0, but must be a whole number of at least 1"),
        ((True, 1), "dataset: synthetic.input_tokens is True, but must be a whole number of at least 4"),
        ((9.5, 1), "dataset: synthetic.input_tokens is 9.5, but must be a whole number of at least 4"),
        (("9", 1), "dataset: synthetic.input_tokens is '9', but must be a whole number of at least 4"),
    ],
)
def test_a_length_that_is_not_allowed_is_refused(settings: tuple[int, int], message: str) -> None:
    with pytest.raises(CaseError) as caught:
        Synthetic(*settings)

    assert str(caught.value) == message
