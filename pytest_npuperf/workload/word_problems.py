"""Word problems made by the project's own generator, in the shape of GSM8K's."""

from __future__ import annotations

import operator
import random
import re

from pytest_npuperf.workload.few_shot import Problem
from pytest_npuperf.workload.stories import STORIES, Story
from pytest_npuperf.workload.words import MEN, NUMBERS, WOMEN

__all__ = ["tell", "word_problem"]

_WOMEN = WOMEN.split()
_MEN = MEN.split()
_FRUIT = ("apples", "pears", "lemons", "oranges", "cherries", "peaches")
_COLOURS = ("red", "blue", "green", "yellow", "white", "black", "brown", "purple", "silver")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_OPERATIONS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.floordiv}
_SMALL_NUMBER = re.compile(r"(?<!\$)\b(?:\d|1[0-2])\b")
_SPELLED = NUMBERS.split()


def word_problem(rng: random.Random) -> Problem:
    """Draw a word problem with its worked solution."""
    story = rng.choice(STORIES)
    numbers = {name: rng.choice(values) for name, values in story.numbers.items()}
    return tell(story, numbers, _draw_words(rng))


def tell(story: Story, numbers: dict[str, int], words: dict[str, str]) -> Problem:
    """Fill a story with numbers and words, and work its solution out.

    In the question small numbers are spelled out, except amounts of money.
    """
    known = dict(numbers)
    fields: dict[str, object] = {**words, **numbers}
    question = story.question.format_map(fields)
    lines = []
    for step in story.steps:
        left, right = (known[name] if isinstance(name, str) else name for name in (step.left, step.right))
        known[step.result] = fields[step.result] = _OPERATIONS[step.sign](left, right)
        fields["work"] = f"{left} {step.sign} {right}"
        lines.append(step.text.format_map(fields))
    return Problem(
        question=_SMALL_NUMBER.sub(lambda match: _SPELLED[int(match[0])], question),
        solution="\n".join(lines),
        answer=str(known[story.steps[-1].result]),
    )


def _draw_words(rng: random.Random) -> dict[str, str]:
    if rng.random() < 0.5:
        name, he, him, his = rng.choice(_WOMEN), "she", "her", "her"
        friend = rng.choice(_MEN)
    else:
        name, he, him, his = rng.choice(_MEN), "he", "him", "his"
        friend = rng.choice(_WOMEN)
    return {
        "name": name,
        "friend": friend,
        "he": he,
        "He": he.capitalize(),
        "him": him,
        "his": his,
        "fruit": rng.choice(_FRUIT),
        "colour": rng.choice(_COLOURS),
        "day": rng.choice(_DAYS),
    }
