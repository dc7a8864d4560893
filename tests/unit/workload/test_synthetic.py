from __future__ import annotations

from collections import Counter
from itertools import islice, takewhile
from pathlib import Path
from typing import Any

import pytest

from pytest_npuperf.errors import CaseError
from pytest_npuperf.workload.gauge import Gauge
from pytest_npuperf.workload.lengths import Empirical, Length, Lognormal, Normal, Uniform
from pytest_npuperf.workload.synthetic import Prefix, Synthetic, parse_synthetic, synthetic_prompts
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


def test_lengths_are_drawn_for_each_prompt() -> None:
    dataset = Synthetic(Uniform(50, 90), Empirical((7, 8)))
    prompts = list(islice(synthetic_prompts(dataset, seed=0), 200))

    asked = [prompt.input_tokens for prompt in prompts]
    assert [estimate_tokens(prompt.messages[0]["content"]) for prompt in prompts] == asked
    assert len(set(asked)) > 30
    assert {prompt.max_tokens for prompt in prompts} == {7, 8}


def test_the_gauge_decides_how_long_a_text_is() -> None:
    gauge = Gauge(count=len, scale=0.25, template_tokens=24)
    prompt = next(synthetic_prompts(Synthetic(1024, 8), seed=0, gauge=gauge))

    assert len(prompt.messages[0]["content"]) == 4000
    assert prompt.input_tokens == 1024


class TestPrefix:
    def test_a_share_of_the_prompts_begins_with_one_of_a_pool_of_texts(self) -> None:
        dataset = Synthetic(80, 1, Prefix(share=0.3, pool=4, tokens=50))
        gauge = Gauge(template_tokens=10)
        prompts = islice(synthetic_prompts(dataset, seed=0, gauge=gauge), 2000)
        words = [prompt.messages[0]["content"].split() for prompt in prompts]
        beginnings = Counter(tuple(text[:30]) for text in words)
        shared = {beginning: count for beginning, count in beginnings.items() if count > 1}

        assert len(shared) == 4
        assert sum(shared.values()) / 2000 == pytest.approx(0.3, abs=0.03)
        assert all(count == pytest.approx(150, abs=40) for count in shared.values())

    def test_a_prefix_has_its_tokens_and_is_counted_into_the_prompt(self) -> None:
        dataset = Synthetic(120, 1, Prefix(share=1, pool=1, tokens=50))
        one, other = texts(dataset, count=2)
        same = takewhile(lambda pair: pair[0] == pair[1], zip(one.split(), other.split(), strict=False))
        common = " ".join(word for word, _ in same)

        assert {estimate_tokens(one), estimate_tokens(other)} == {120}
        assert estimate_tokens(common.removesuffix(" The")) == 50

    def test_prompts_differ_right_behind_their_prefix(self) -> None:
        prompts = texts(Synthetic(54, 1, Prefix(share=1, pool=1, tokens=50)), count=2000)

        assert len(set(prompts)) == 2000

    def test_another_seed_gives_other_prefixes(self) -> None:
        dataset = Synthetic(80, 1, Prefix(share=1, pool=1, tokens=50))
        (one,), (other,) = texts(dataset, seed=1, count=1), texts(dataset, seed=2, count=1)

        assert one.split()[:4] != other.split()[:4]

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"share": 0, "pool": 1, "tokens": 9}, "share is 0, but must be a number above 0 and up to 1"),
            ({"share": 50, "pool": 1, "tokens": 9}, "share is 50, but must be a number above 0 and up to 1"),
            (
                {"share": "1", "pool": 1, "tokens": 9},
                "share is '1', but must be a number above 0 and up to 1",
            ),
            ({"share": 1, "pool": 0, "tokens": 9}, "pool is 0, but must be a whole number of at least 1"),
            ({"share": 1, "pool": 1, "tokens": 3}, "tokens is 3, but must be a whole number of at least 4"),
        ],
    )
    def test_a_setting_that_is_not_allowed_is_refused(self, settings: dict[str, Any], message: str) -> None:
        with pytest.raises(CaseError) as caught:
            Prefix(**settings)

        assert str(caught.value) == f"dataset: synthetic.prefix.{message}"

    @pytest.mark.parametrize("input_tokens", [515, Normal(1024, 100, min=515), Empirical((2000, 515))])
    def test_a_prompt_that_could_be_too_short_for_it_is_refused(self, input_tokens: Length) -> None:
        with pytest.raises(CaseError) as caught:
            Synthetic(input_tokens, 1, Prefix(share=0.5, pool=8, tokens=512))

        assert str(caught.value) == (
            "dataset: synthetic.prefix.tokens is 512, but prompts can be as short as 515 tokens: with that "
            "prefix, input_tokens must be at least 516, a distribution's by its min"
        )


class TestParse:
    def test_lengths_and_prefix_are_read(self) -> None:
        settings = {
            "input_tokens": {"lognormal": {"mean": 1024, "sigma": 0.6, "min": 600, "max": 4096}},
            "output_tokens": [10, 20],
            "prefix": {"share": 0.5, "pool": 8, "tokens": 512},
        }

        assert parse_synthetic(settings, Path()) == Synthetic(
            Lognormal(1024, 0.6, 600, 4096), Empirical((10, 20)), Prefix(0.5, 8, 512)
        )

    def test_a_prefix_needs_all_its_settings(self) -> None:
        settings = {"input_tokens": 900, "output_tokens": 1, "prefix": {"share": 0.5, "tokens": 512}}
        with pytest.raises(CaseError) as caught:
            parse_synthetic(settings, Path())

        assert str(caught.value) == ("dataset: synthetic.prefix lacks pool; it takes share, pool, tokens")

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ((3, 1), "dataset: synthetic.input_tokens is 3, but must be a whole number of at least 4"),
            ((100, 0), "dataset: synthetic.output_tokens is 0, but must be a whole number of at least 1"),
        ],
    )
    def test_a_length_that_is_not_allowed_is_refused(self, settings: tuple[int, int], message: str) -> None:
        with pytest.raises(CaseError) as caught:
            Synthetic(*settings)

        assert str(caught.value) == message
