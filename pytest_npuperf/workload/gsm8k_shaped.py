"""The built-in dataset: prompts that look like GSM8K with worked examples, made from nothing."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, count

from pytest_npuperf.workload.checks import check_count
from pytest_npuperf.workload.few_shot import Problem, few_shot_text, shot_text
from pytest_npuperf.workload.prompt import Prompt, user_prompt
from pytest_npuperf.workload.tokens import estimate_tokens
from pytest_npuperf.workload.word_problems import word_problem

__all__ = ["Gsm8kShaped", "gsm8k_shaped_prompts"]

_CLOSING_TOKENS = 500
"""When no more than this is missing, two to four shots, the rest is chosen by its length."""
_CANDIDATES = 10


@dataclass(frozen=True, slots=True)
class Gsm8kShaped:
    """Settings of the built-in dataset: prompts of about ``input_tokens`` tokens, at least 400."""

    input_tokens: int = 1500

    def __post_init__(self) -> None:
        check_count("gsm8k.input_tokens", self.input_tokens, at_least=400)


def gsm8k_shaped_prompts(dataset: Gsm8kShaped, *, seed: int | str, max_tokens: int) -> Iterator[Prompt]:
    """Yield open word problems, each behind as many worked ones as its length takes, without end."""
    for index in count():
        rng = random.Random(f"{seed}/{index}")
        text = _draw_text(rng, dataset.input_tokens)
        yield user_prompt(text, max_tokens=max_tokens, input_tokens=dataset.input_tokens)


def _draw_text(rng: random.Random, input_tokens: int) -> str:
    question = word_problem(rng).question
    missing = input_tokens - estimate_tokens(few_shot_text((), question))
    shots: list[Problem] = []
    while missing > _CLOSING_TOKENS:
        shot = word_problem(rng)
        shots.append(shot)
        missing -= _shot_tokens(shot)
    shots.extend(_closing_shots(rng, missing))
    return few_shot_text(shots, question)


def _closing_shots(rng: random.Random, missing: int) -> list[Problem]:
    """Of a few candidates, those that together come nearest to the missing length."""
    candidates = [word_problem(rng) for _ in range(_CANDIDATES)]
    measured = [(shot, _shot_tokens(shot)) for shot in candidates]
    choices = [choice for size in range(5) for choice in combinations(measured, size)]
    best = min(choices, key=lambda choice: abs(missing - sum(tokens for _, tokens in choice)))
    return [shot for shot, _ in best]


def _shot_tokens(shot: Problem) -> int:
    """Tokens of a shot with the blank line behind it."""
    return estimate_tokens(shot_text(shot)) + 1
