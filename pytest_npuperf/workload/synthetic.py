"""Prompts of a set length, made of common words."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from pytest_npuperf.workload.checks import check_count
from pytest_npuperf.workload.gauge import ESTIMATE, Gauge
from pytest_npuperf.workload.natural_text import natural_text, opening
from pytest_npuperf.workload.prompt import Prompt, user_prompt
from pytest_npuperf.workload.settings import take_keys

__all__ = ["Synthetic", "parse_synthetic", "synthetic_prompts"]


@dataclass(frozen=True, slots=True)
class Synthetic:
    """Settings of synthetic prompts: ``input_tokens`` (at least 4) in, exactly ``output_tokens`` out."""

    input_tokens: int
    output_tokens: int

    def __post_init__(self) -> None:
        check_count("synthetic.input_tokens", self.input_tokens, at_least=4)
        check_count("synthetic.output_tokens", self.output_tokens, at_least=1)


def parse_synthetic(settings: object, base: Path) -> Synthetic:  # noqa: ARG001
    """What stands under ``synthetic``."""
    return Synthetic(**take_keys("synthetic", settings, required=("input_tokens", "output_tokens")))


def synthetic_prompts(dataset: Synthetic, *, seed: int | str, gauge: Gauge = ESTIMATE) -> Iterator[Prompt]:
    """Yield prompts without end, each of exactly ``input_tokens`` tokens by the gauge."""
    for index in count():
        rng = random.Random(f"{seed}/{index}")
        yield user_prompt(
            natural_text(rng, dataset.input_tokens, gauge=gauge, begin=opening(seed, index)),
            max_tokens=dataset.output_tokens,
            input_tokens=dataset.input_tokens,
            exact_output=True,
        )
