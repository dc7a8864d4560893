"""Prompts of set lengths, made of common words."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from pytest_npuperf.errors import CaseError
from pytest_npuperf.workload.checks import check_count
from pytest_npuperf.workload.gauge import ESTIMATE, Gauge
from pytest_npuperf.workload.lengths import Length, draw_length, parse_length, shortest
from pytest_npuperf.workload.natural_text import OPENING_TOKENS, natural_text, opening
from pytest_npuperf.workload.prompt import Prompt, user_prompt
from pytest_npuperf.workload.settings import take_keys

__all__ = ["Prefix", "Synthetic", "parse_synthetic", "synthetic_prompts"]


@dataclass(frozen=True, slots=True)
class Prefix:
    """A ``share`` of the prompts, above 0 and up to 1, begins with one of ``pool`` texts of ``tokens``."""

    share: float
    pool: int
    tokens: int

    def __post_init__(self) -> None:
        if (
            isinstance(self.share, bool)
            or not isinstance(self.share, (int, float))
            or not 0 < self.share <= 1
        ):
            raise CaseError(
                f"dataset: synthetic.prefix.share is {self.share!r}, but must be a number above 0 and up to 1"
            )
        check_count("synthetic.prefix.pool", self.pool, at_least=1)
        check_count("synthetic.prefix.tokens", self.tokens, at_least=OPENING_TOKENS)


@dataclass(frozen=True, slots=True)
class Synthetic:
    """Settings of synthetic prompts: ``input_tokens`` (at least 4) in, exactly ``output_tokens`` out.

    Both are a Length. The tokens of a shared ``prefix`` are among the input tokens.
    """

    input_tokens: Length
    output_tokens: Length
    prefix: Prefix | None = None

    def __post_init__(self) -> None:
        for name, at_least in (("input_tokens", OPENING_TOKENS), ("output_tokens", 1)):
            length = parse_length(f"synthetic.{name}", getattr(self, name), at_least=at_least)
            object.__setattr__(self, name, length)
        if self.prefix is not None:
            _check_room(self.input_tokens, self.prefix)


def parse_synthetic(settings: object, base: Path) -> Synthetic:  # noqa: ARG001
    """What stands under ``synthetic``."""
    keys = take_keys("synthetic", settings, required=("input_tokens", "output_tokens"), optional=("prefix",))
    if "prefix" in keys:
        prefix = take_keys("synthetic.prefix", keys["prefix"], required=("share", "pool", "tokens"))
        keys["prefix"] = Prefix(**prefix)
    return Synthetic(**keys)


def synthetic_prompts(dataset: Synthetic, *, seed: int | str, gauge: Gauge = ESTIMATE) -> Iterator[Prompt]:
    """Yield prompts without end, each as long by the gauge as its ``input_tokens`` say.

    None is shorter than its first four words, which tell it from the others, and the server's chat
    template.
    """
    prefixes = _prefixes(dataset.prefix, seed, gauge) if dataset.prefix else []
    for index in count():
        rng = random.Random(f"{seed}/{index}")
        input_tokens = draw_length(dataset.input_tokens, rng)
        output_tokens = draw_length(dataset.output_tokens, rng)
        begin = opening(seed, index)
        if dataset.prefix and rng.random() < dataset.prefix.share:
            begin = [rng.choice(prefixes), *begin]
        yield user_prompt(
            natural_text(rng, input_tokens, gauge=gauge, begin=begin),
            max_tokens=output_tokens,
            input_tokens=input_tokens,
            exact_output=True,
        )


def _prefixes(prefix: Prefix, seed: int | str, gauge: Gauge) -> list[str]:
    bare = replace(gauge, template_tokens=0)
    return [
        natural_text(
            random.Random(f"{seed}/prefix/{index}"),
            prefix.tokens,
            gauge=bare,
            begin=opening(f"{seed}/prefix", index),
        )
        for index in range(prefix.pool)
    ]


def _check_room(input_tokens: Length, prefix: Prefix) -> None:
    """Raise CaseError where a prompt could be too short for the prefix and words of its own."""
    least = prefix.tokens + OPENING_TOKENS
    if shortest(input_tokens) < least:
        raise CaseError(
            f"dataset: synthetic.prefix.tokens is {prefix.tokens}, but prompts can be as short as "
            f"{shortest(input_tokens)} tokens: with that prefix, input_tokens must be at least {least}, "
            "a distribution's by its min"
        )
