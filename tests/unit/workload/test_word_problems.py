from __future__ import annotations

import random
import re
from itertools import product

import pytest

from pytest_npuperf.workload.few_shot import Problem
from pytest_npuperf.workload.stories import STORIES, Step, Story
from pytest_npuperf.workload.word_problems import tell, word_problem

WORDS = {
    "name": "Ann",
    "friend": "Bob",
    "he": "she",
    "He": "She",
    "him": "her",
    "his": "her",
    "fruit": "pears",
    "colour": "red",
    "day": "Monday",
}
EQUATION = re.compile(r"(\d+) ([-+*/]) (\d+) = \$?(\d+)")

each_story = pytest.mark.parametrize("story", STORIES, ids=[story.question[:30] for story in STORIES])


def extremes(story: Story) -> list[dict[str, int]]:
    """Every combination of the smallest, the second and the largest value of each number."""
    values = [sorted({numbers[0], numbers[1], numbers[-1]}) for numbers in story.numbers.values()]
    return [dict(zip(story.numbers, chosen, strict=True)) for chosen in product(*values)]


def calculate(left: int, sign: str, right: int) -> float:
    return {"+": left + right, "-": left - right, "*": left * right, "/": left / right}[sign]


def assert_worked_correctly(problem: Problem) -> None:
    equations = EQUATION.findall(problem.solution)
    assert len(equations) == len(problem.solution.splitlines())
    for left, sign, right, result in equations:
        assert calculate(int(left), sign, int(right)) == int(result) > 0, problem
    assert problem.answer == equations[-1][-1]


@each_story
def test_every_line_of_a_solution_is_right_and_positive_over_the_ranges(story: Story) -> None:
    for numbers in extremes(story):
        assert_worked_correctly(tell(story, numbers, WORDS))


@each_story
def test_a_story_uses_every_number_and_names_none_like_a_word(story: Story) -> None:
    in_steps = {operand for step in story.steps for operand in (step.left, step.right)}

    assert story.numbers.keys() <= in_steps
    assert all(f"{{{number}}}" in story.question for number in story.numbers)
    results = [step.result for step in story.steps]
    assert len({*results, *story.numbers, *WORDS, "work"}) == len([*results, *story.numbers, *WORDS, "work"])


def test_drawn_problems_are_right() -> None:
    for seed in range(500):
        assert_worked_correctly(word_problem(random.Random(seed)))


def test_a_solution_shows_the_work() -> None:
    story = Story(
        {"cows": range(3, 4), "price": range(8, 9)},
        "{name} sells {cows} of 12 cows for ${price} each on {day}. How many dollars are that, without 1500?",
        (
            Step("money", "cows", "*", "price", "{He} gets {work} = ${money}."),
            Step("rest", "money", "/", 2, "Half of it is {work} = {rest}."),
        ),
    )

    assert tell(story, {"cows": 3, "price": 8}, WORDS) == Problem(
        "Ann sells three of twelve cows for $8 each on Monday. How many dollars are that, without 1500?",
        "She gets 3 * 8 = $24.\nHalf of it is 24 / 2 = 12.",
        "12",
    )


def test_the_two_people_of_a_problem_are_never_the_same() -> None:
    people = set()
    for seed in range(2000):
        question = word_problem(random.Random(seed)).question
        if match := re.match(r"(\w+) has \S+ cards with old cars on them\. (\w+) has", question):
            people.add(match.groups())

    assert len(people) > 20
    assert all(name != friend for name, friend in people)
