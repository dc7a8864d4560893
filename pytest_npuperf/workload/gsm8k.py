"""GSM8K from the user's own file, with worked examples before each question."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import msgspec

from pytest_npuperf.errors import DatasetError
from pytest_npuperf.workload.checks import check_count
from pytest_npuperf.workload.few_shot import Problem, few_shot_text
from pytest_npuperf.workload.gsm8k_shaped import Gsm8kShaped
from pytest_npuperf.workload.prompt import Prompt, user_prompt
from pytest_npuperf.workload.prompt_file import file_settings

__all__ = ["Gsm8k", "gsm8k_prompts", "parse_gsm8k"]

_FILE = "test.jsonl"
_LINE_SHAPE = '{"question": "...", "answer": "...\\n#### 18"}'
_CALCULATOR_MARK = re.compile(r"<<[^<>]*>>")


@dataclass(frozen=True, slots=True)
class Gsm8k:
    """Settings of GSM8K: ``path`` of ``test.jsonl`` or of the folder that holds it, ``shots`` a question."""

    path: Path
    shots: int = 4

    def __post_init__(self) -> None:
        check_count("gsm8k.shots", self.shots, at_least=0)


class _Row(msgspec.Struct):
    question: str
    answer: str


def parse_gsm8k(settings: object, base: Path) -> Gsm8k | Gsm8kShaped:
    """What stands under ``gsm8k``: nothing for the built-in shape, a path, or settings by name."""
    if settings == {}:
        return Gsm8kShaped()
    return Gsm8k(**file_settings("gsm8k", settings, base, optional=("shots",)))


def gsm8k_prompts(dataset: Gsm8k, *, seed: int | str, max_tokens: int) -> Iterator[Prompt]:
    """Read the file and yield its questions in their order, round after round with other examples.

    The examples are drawn from the file: within a round no two prompts begin with the same one, and none
    is the question itself. AISBench puts the same four examples before every question: a prefix cache then
    holds 95 % of each prompt, and TTFT shows the cache instead of the prefill.

    Raises DatasetError, at once where the file is missing, malformed or too short, and on the way where
    it holds too few questions for another prompt that was not there before.
    """
    path = _find_file(dataset.path)
    problems = _read(path)
    if len(problems) <= dataset.shots:
        raise DatasetError(
            f"{path} holds {len(problems)} questions, but {dataset.shots} examples and a question take at "
            f"least {dataset.shots + 1}: use a longer file or set fewer shots"
        )
    return _prompts(path, problems, dataset.shots, seed, max_tokens)


def _prompts(
    path: Path, problems: list[Problem], shots: int, seed: int | str, max_tokens: int
) -> Iterator[Prompt]:
    sent = 0
    for question, *examples in _selections(len(problems), shots, seed):
        text = few_shot_text([problems[example] for example in examples], problems[question].question)
        yield user_prompt(text, max_tokens=max_tokens, input_tokens=None)
        sent += 1
    raise DatasetError(
        f"{path} holds {len(problems)} questions, which with {shots} examples each make {sent} different "
        f"prompts; a prefix cache would answer a repeated one: ask for fewer requests, use a longer file or "
        f"set more shots"
    )


def _selections(size: int, shots: int, seed: int | str) -> Iterator[tuple[int, ...]]:
    """Yield a question and its examples, as indices; ends when a whole round brings nothing new.

    In each round the questions stand in a circle of random order, and a question's examples are its next
    neighbours there: so every question is the first example of just one other.
    """
    seen: set[tuple[int, ...]] = set()
    for round_number in count():
        circle = list(range(size))
        random.Random(f"{seed}/{round_number}").shuffle(circle)
        place = {question: at for at, question in enumerate(circle)}
        before = len(seen)
        for question in range(size):
            selection = tuple(circle[(place[question] + step) % size] for step in range(shots + 1))
            if selection not in seen:
                seen.add(selection)
                yield selection
        if len(seen) == before:
            return


def _find_file(path: Path) -> Path:
    file = path / _FILE if path.is_dir() else path
    if not file.is_file():
        raise DatasetError(f"no GSM8K at {file}: give the path of its {_FILE} or of the folder that holds it")
    return file


def _read(path: Path) -> list[Problem]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise DatasetError(f"GSM8K cannot be read: {error}") from error
    return [_parse(path, number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def _parse(path: Path, number: int, line: bytes) -> Problem:
    try:
        row = msgspec.json.decode(line, type=_Row)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _malformed(path, number, line, str(error)) from error
    worked, mark, result = row.answer.rpartition("#### ")
    if not mark:
        raise _malformed(path, number, line, "the answer has no result behind '#### '")
    return Problem(row.question.strip(), _CALCULATOR_MARK.sub("", worked).strip(), result.strip())


def _malformed(path: Path, number: int, line: bytes, what: str) -> DatasetError:
    seen = line[:80].decode(errors="replace") + ("..." if len(line) > 80 else "")
    return DatasetError(f"{path}, line {number}: {what}; seen: {seen}; a line of GSM8K is {_LINE_SHAPE}")
