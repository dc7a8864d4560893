"""The text of a few-shot prompt for a word problem."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Problem", "few_shot_text", "shot_text"]


@dataclass(frozen=True, slots=True)
class Problem:
    """A word problem, its worked solution (lines, without the result) and its result."""

    question: str
    solution: str
    answer: str


def few_shot_text(shots: Iterable[Problem], question: str) -> str:
    """Put worked problems before an open question, in the wording that AISBench and OpenCompass use."""
    return "\n\n".join([*map(shot_text, shots), _asked(question)])


def shot_text(shot: Problem) -> str:
    """One worked problem as it stands in a few-shot prompt."""
    return f"{_asked(shot.question)}{shot.solution}\nThe answer is {shot.answer}"


def _asked(question: str) -> str:
    return f"Question: {question}\nLet's think step by step\nAnswer:\n"
