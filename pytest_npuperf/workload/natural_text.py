"""Text of a set length, made of common words."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from itertools import islice

from pytest_npuperf.workload.gauge import Gauge
from pytest_npuperf.workload.words import ADJECTIVES, NOUNS, PREPOSITIONS, VERBS

__all__ = ["OPENING_TOKENS", "natural_text", "opening"]

OPENING_TOKENS = 4
"""Every text begins with as many words that tell it from the others, each of them a token."""

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
_LAST_WORDS = (
    *(".", "a", "of", "the", "some", "house", "garden", "evening", "mountain", "yesterday"),
    *("of the", "of the old"),
)
"""What may end a text whose next word would be one token too many: of one to ten characters, then
of two and three words."""
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
    """Sentences that begin with the given words and make a prompt of ``tokens`` tokens by the gauge.

    Where the beginning alone has that many or more, it is all.
    """
    words = _Words(rng, begin)
    aim, count = gauge.text_tokens(tokens), gauge.count
    text = words.text(0)
    begin_tokens = count(text)
    if begin_tokens >= aim:
        return text
    # Where each word is one token, as in most tokenizers, the first guess is right. Else the number
    # of words is searched for: ``low`` are too few, ``high`` too many.
    low, number, high = 0, aim - begin_tokens, sys.maxsize
    while high - low > 1:
        text = words.text(number)
        counted = count(text)
        if counted == aim:
            return text
        low, high = (number, high) if counted < aim else (low, number)
        step = round((aim - counted) * number / max(1, counted - begin_tokens))
        number = min(max(low + 1, number + step), high - 1)
    return _rounded_off(words, low, aim, count)


class _Words:
    """The words of one text, drawn when they are needed."""

    def __init__(self, rng: random.Random, begin: list[str]) -> None:
        self._begin = begin
        self._words: list[str] = []
        self._more = _sentences(rng)

    def text(self, number: int, *last: str) -> str:
        """The beginning and the first ``number`` words behind it, then ``last``."""
        self._words.extend(islice(self._more, max(0, number - len(self._words))))
        return " ".join([*self._begin, *self._words[:number], *last]).replace(" .", ".").replace(" ,", ",")


def _rounded_off(words: _Words, number: int, aim: int, count: Callable[[str], int]) -> str:
    """So many words and one that makes up for what is missing; without it where none does."""
    texts = (words.text(number, last) for last in _LAST_WORDS)
    return next((text for text in texts if count(text) == aim), words.text(number))


def _sentences(rng: random.Random) -> Iterator[str]:
    """Words and marks without end; the first sentence goes on from an opening."""
    sentence = "the N P the A N ."
    while True:
        yield from _fill(rng, sentence)
        sentence = rng.choice(_SENTENCES)


def _fill(rng: random.Random, sentence: str) -> list[str]:
    return [rng.choice(_WORDS[piece]) if piece in _WORDS else piece for piece in sentence.split()]
