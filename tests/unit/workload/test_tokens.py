from __future__ import annotations

import pytest

from pytest_npuperf.workload.tokens import estimate_tokens

# Each with the counts of SmolLM2's and Qwen3's tokenizers.
COUNTED = [
    (
        "Question: The school library has 24 shelves, and when all the books are in, 31 books stand on each "
        "of them. At the start of the week 87 books are lent out. On Friday Clara and the others bring 35 "
        "books back. How many books are in the library now?\nLet's think step by step\nAnswer:\nThe library "
        "owns 24 * 31 = 744 books.\nAt the start of the week 744 - 87 = 657 of them are in.\nAfter Friday "
        "there are 657 + 35 = 692 books.\nThe answer is 692",
        146,
        141,
    ),
    (
        "It's a quiet morning in the harbor. The captain, who hasn't slept for two days, watches the "
        "unloading of the last containers; afterwards he'll walk up the hill and have breakfast with his "
        "brother's family.",
        45,
        45,
    ),
    ("Prices rose by 12.5% to $1,245.50 in 2023 (up from $1,107.11 a year before).", 42, 41),
]


@pytest.mark.parametrize(("text", "smollm2", "qwen3"), COUNTED)
def test_the_estimate_is_near_the_counts_of_real_tokenizers(text: str, smollm2: int, qwen3: int) -> None:
    assert estimate_tokens(text) == pytest.approx(smollm2, rel=0.08)
    assert estimate_tokens(text) == pytest.approx(qwen3, rel=0.08)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("word", 1),
        ("two words", 2),
        ("Peter's", 2),
        ("approximately", 2),
        ("a 123", 5),
        ("12*3", 4),
        ("end.\n\nStart", 4),
        ("é", 1),
    ],
)
def test_what_counts_as_a_token(text: str, tokens: int) -> None:
    assert estimate_tokens(text) == tokens
