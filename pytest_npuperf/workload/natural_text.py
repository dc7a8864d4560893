"""Text of a set length, made of common words."""

from __future__ import annotations

import random

from pytest_npuperf.workload.gauge import Gauge
from pytest_npuperf.workload.words import ADJECTIVES, NOUNS, PREPOSITIONS, VERBS

__all__ = ["natural_text", "opening"]

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


def opening(seed: int | str, index: int) -> list[str]:
    """Four words that tell text number ``index`` from the next 2.5 million: a prefix cache finds nothing."""
    start = random.Random(f"{seed}/opening").randrange(_OPENINGS)
    rest, adjective = divmod((start + index * _STRIDE) % _OPENINGS, len(_ADJECTIVES))
    verb, noun = divmod(rest, len(_NOUNS))
    return ["The", _ADJECTIVES[adjective], _NOUNS[noun], _VERBS[verb]]


def natural_text(rng: random.Random, tokens: int, *, gauge: Gauge, begin: list[str]) -> str:
    """Sentences that begin with the given words and make ``tokens`` tokens of the server's."""
    pieces = begin + _fill(rng, "the N P the A N .")
    while len(pieces) < tokens:
        pieces += _fill(rng, rng.choice(_SENTENCES))
    return " ".join(pieces[:tokens]).replace(" .", ".").replace(" ,", ",")


def _fill(rng: random.Random, sentence: str) -> list[str]:
    return [rng.choice(_WORDS[piece]) if piece in _WORDS else piece for piece in sentence.split()]
