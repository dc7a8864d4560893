from __future__ import annotations

from pytest_npuperf.workload.few_shot import Problem, few_shot_text

SHEEP = Problem("Ann has 2 sheep and buys 3. How many has she?", "She has 2 + 3 = 5 sheep.", "5")
COWS = Problem("Bob has 9 cows.\nHe sells 4. How many are left?", "9 - 4 = 5.\nSo 5 are left.", "5")


def test_examples_come_before_the_question_in_the_wording_of_aisbench() -> None:
    assert few_shot_text([SHEEP, COWS], "How much is 1 + 1?") == (
        "Question: Ann has 2 sheep and buys 3. How many has she?\n"
        "Let's think step by step\n"
        "Answer:\n"
        "She has 2 + 3 = 5 sheep.\n"
        "The answer is 5\n"
        "\n"
        "Question: Bob has 9 cows.\n"
        "He sells 4. How many are left?\n"
        "Let's think step by step\n"
        "Answer:\n"
        "9 - 4 = 5.\n"
        "So 5 are left.\n"
        "The answer is 5\n"
        "\n"
        "Question: How much is 1 + 1?\n"
        "Let's think step by step\n"
        "Answer:\n"
    )


def test_without_examples_the_question_stands_alone() -> None:
    assert few_shot_text([], "Why?") == "Question: Why?\nLet's think step by step\nAnswer:\n"
