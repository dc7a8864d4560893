from __future__ import annotations

import random
import re
from collections.abc import Callable

import pytest

from pytest_npuperf.workload.gauge import ESTIMATE, Gauge
from pytest_npuperf.workload.natural_text import natural_text, opening

BEGIN = opening(0, 0)


def text_of(tokens: int, count: Callable[[str], int] | None = None, *, seed: int = 0) -> str:
    gauge = ESTIMATE if count is None else Gauge(count)
    return natural_text(random.Random(seed), tokens, gauge=gauge, begin=BEGIN)


def by_pieces(pattern: str) -> Callable[[str], int]:
    return lambda text: len(re.findall(pattern, text))


@pytest.mark.parametrize(
    "count",
    [
        by_pieces(r" ?[A-Za-z]{1,3}|[.,]"),
        by_pieces(r" ?[A-Za-z]{1,5}|[.,]"),
        by_pieces(r" ?\w+|[.,]"),
        by_pieces(r"\w+[.,]?"),
        len,
    ],
    ids=["short pieces", "long pieces", "words", "words with marks", "characters"],
)
@pytest.mark.parametrize("tokens", [64, 301, 1024])
def test_whatever_the_tokenizer_the_length_is_exact(count: Callable[[str], int], tokens: int) -> None:
    assert {count(text_of(tokens, count, seed=seed)) for seed in range(20)} == {tokens}


def test_a_length_that_no_text_has_is_missed_by_little() -> None:
    def in_sevens(text: str) -> int:
        return 7 * (len(text.split()) // 7)

    assert in_sevens(text_of(100, in_sevens)) == 98


def test_a_tokenizer_of_words_is_asked_twice_for_a_text() -> None:
    calls = []

    def count(text: str) -> int:
        calls.append(text)
        return ESTIMATE.count(text)

    text_of(1024, count)

    assert len(calls) == 2


def test_a_hundred_thousand_tokens_are_made_too() -> None:
    assert ESTIMATE.count(text_of(100_000)) == 100_000


@pytest.mark.parametrize("tokens", [0, 1, 4])
def test_a_text_is_never_shorter_than_its_beginning(tokens: int) -> None:
    assert text_of(tokens) == " ".join(BEGIN)


def test_the_chat_template_is_part_of_the_length() -> None:
    gauge = Gauge(scale=2.0, template_tokens=30)
    text = natural_text(random.Random(0), 130, gauge=gauge, begin=BEGIN)

    assert ESTIMATE.count(text) == 50
