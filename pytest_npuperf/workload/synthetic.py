"""Prompts of a set length, made of common words."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from pytest_npuperf.workload.checks import check_count
from pytest_npuperf.workload.prompt import Prompt, user_prompt
from pytest_npuperf.workload.words import ADJECTIVES, NOUNS, PREPOSITIONS, VERBS

__all__ = ["Synthetic", "synthetic_prompts"]

_ADJECTIVES = ADJECTIVES.split()
_NOUNS = NOUNS.split()
_VERBS = VERBS.split()
_WORDS = {"A": _ADJECTIVES, "N": _NOUNS, "V": _VERBS, "P": PREPOSITIONS.split()}

_SENTENCES = (
    "The A N V the N P the A N .",
    "Every N P the N V one A N .",
    "The N V the A N and the A N .",
    "Some N V the N , but the A N V the N P the N .",
    "When the N V the N , the A N V every A N .",
)
_OPENINGS = len(_ADJECTIVES) * len(_NOUNS) * len(_VERBS)
_STRIDE = 1_000_003
"""A prime above the length of each list, so that its multiples reach every opening before one comes again."""


@dataclass(frozen=True, slots=True)
class Synthetic:
    """Settings of synthetic prompts: ``input_tokens`` (at least 4) in, exactly ``output_tokens`` out."""

    input_tokens: int
    output_tokens: int

    def __post_init__(self) -> None:
        check_count("synthetic.input_tokens", self.input_tokens, at_least=4)
        check_count("synthetic.output_tokens", self.output_tokens, at_least=1)


def synthetic_prompts(dataset: Synthetic, *, seed: int | str) -> Iterator[Prompt]:
    """Yield prompts without end, each of exactly ``input_tokens`` tokens by the estimate.

    The first four words tell a prompt from the next 2.5 million, so a prefix cache finds nothing.
    """
    start = random.Random(f"{seed}/opening").randrange(_OPENINGS)
    for index in count():
        rng = random.Random(f"{seed}/{index}")
        yield user_prompt(
            _draw_text(rng, _opening(start + index * _STRIDE), dataset.input_tokens),
            max_tokens=dataset.output_tokens,
            input_tokens=dataset.input_tokens,
            exact_output=True,
        )


def _opening(number: int) -> list[str]:
    rest, adjective = divmod(number % _OPENINGS, len(_ADJECTIVES))
    verb, noun = divmod(rest, len(_NOUNS))
    return ["The", _ADJECTIVES[adjective], _NOUNS[noun], _VERBS[verb]]


def _draw_text(rng: random.Random, opening: list[str], tokens: int) -> str:
    pieces = opening + _fill(rng, "the N P the A N .")
    while len(pieces) < tokens:
        pieces += _fill(rng, rng.choice(_SENTENCES))
    return " ".join(pieces[:tokens]).replace(" .", ".").replace(" ,", ",")


def _fill(rng: random.Random, sentence: str) -> list[str]:
    return [rng.choice(_WORDS[piece]) if piece in _WORDS else piece for piece in sentence.split()]
