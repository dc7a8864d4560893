from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import pytest

from pytest_npuperf.errors import CaseError, DatasetError
from pytest_npuperf.workload.gsm8k import Gsm8k, gsm8k_prompts

MARKED = {
    "question": "Ann has 4 hens with 3 eggs each.  How much are they at $2 an egg? ",
    "answer": "There are 4 * 3 = <<4*3=12>>12 eggs.\nThey cost 12*2=$<<12*2=24.00>>24.\n#### 24",
}


def write(path: Path, rows: int) -> Path:
    lines = [json.dumps({"question": f"Q{row}?", "answer": f"A{row}.\n#### {row}"}) for row in range(rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def twenty(tmp_path: Path) -> Path:
    return write(tmp_path / "test.jsonl", 20)


def texts(dataset: Gsm8k, *, seed: int | str = 0, count: int = 20) -> list[str]:
    prompts = islice(gsm8k_prompts(dataset, seed=seed, max_tokens=64), count)
    return [prompt.messages[0]["content"] for prompt in prompts]


def questions(text: str) -> list[str]:
    return [line.removeprefix("Question: ") for line in text.splitlines() if line.startswith("Question: ")]


def test_a_prompt_is_one_message_of_worked_examples_and_an_open_question(tmp_path: Path) -> None:
    path = tmp_path / "two.jsonl"
    path.write_text(json.dumps(MARKED) + "\n" + json.dumps({"question": "Why?", "answer": "So.\n#### 1,000"}))

    first, second = islice(gsm8k_prompts(Gsm8k(path, shots=1), seed=0, max_tokens=64), 2)

    assert second.messages == (
        {
            "role": "user",
            "content": "Question: Ann has 4 hens with 3 eggs each.  How much are they at $2 an egg?\n"
            "Let's think step by step\nAnswer:\n"
            "There are 4 * 3 = 12 eggs.\nThey cost 12*2=$24.\nThe answer is 24\n\n"
            "Question: Why?\nLet's think step by step\nAnswer:\n",
        },
    )
    assert "So.\nThe answer is 1,000\n\nQuestion: Ann" in first.messages[0]["content"]
    assert (first.max_tokens, first.input_tokens, first.exact_output) == (64, None, False)


def test_the_questions_come_in_the_order_of_the_file(twenty: Path) -> None:
    asked = [questions(text)[-1] for text in texts(Gsm8k(twenty), count=25)]

    assert asked == [f"Q{row}?" for row in [*range(20), *range(5)]]


def test_four_different_examples_stand_before_each_question_and_never_itself(twenty: Path) -> None:
    for text in texts(Gsm8k(twenty), count=60):
        assert len(questions(text)) == len(set(questions(text))) == 5


def test_no_two_prompts_of_a_round_begin_with_the_same_example(twenty: Path) -> None:
    assert len({questions(text)[0] for text in texts(Gsm8k(twenty))}) == 20


def test_prompts_stay_unique_when_the_file_is_used_again(twenty: Path) -> None:
    assert len(set(texts(Gsm8k(twenty), count=400))) == 400


def test_the_same_seed_gives_the_same_prompts_and_another_seed_others(twenty: Path) -> None:
    assert texts(Gsm8k(twenty), seed=1) == texts(Gsm8k(twenty), seed=1)
    assert texts(Gsm8k(twenty), seed=1) != texts(Gsm8k(twenty), seed=2)


def test_a_folder_stands_for_its_test_jsonl(twenty: Path) -> None:
    assert texts(Gsm8k(twenty.parent)) == texts(Gsm8k(twenty))


def test_empty_lines_and_unusual_line_separators_are_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "test.jsonl"
    row = json.dumps({"question": "One\u2028line?", "answer": "A\n#### 1"}, ensure_ascii=False)
    path.write_text(f"\r\n{row}\r\n\n{row}\n", encoding="utf-8", newline="")

    assert texts(Gsm8k(path, shots=0), count=1)[0].startswith("Question: One\u2028line?\n")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        gsm8k_prompts(Gsm8k(tmp_path / "nowhere"), seed=0, max_tokens=1)

    assert str(caught.value) == (
        f"no GSM8K at {tmp_path / 'nowhere'}: give the path of its test.jsonl or of the folder that holds it"
    )


def test_a_folder_without_the_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no GSM8K at .*test\.jsonl: give the path"):
        gsm8k_prompts(Gsm8k(tmp_path), seed=0, max_tokens=1)


def test_a_file_that_cannot_be_read_is_named(twenty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_bytes", refuse)

    with pytest.raises(DatasetError, match=r"GSM8K cannot be read: .*Permission denied: '.*test\.jsonl'"):
        gsm8k_prompts(Gsm8k(twenty), seed=0, max_tokens=1)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b"question,answer", "JSON is malformed"),
        (b'["Q", "A"]', "Expected `object`, got `array`"),
        (b'{"question": "Q"}', "Object missing required field `answer`"),
        (b'{"question": 7, "answer": "A"}', r"Expected `str`, got `int` - at `\$.question`"),
        (b'{"question": "Q", "answer": "42"}', "the answer has no result behind '#### '"),
        (b'{"question": "\xff", "answer": "42"}', "utf-8|UTF-8"),
    ],
)
def test_a_malformed_line_is_shown_with_its_number(twenty: Path, line: bytes, what: str) -> None:
    twenty.write_bytes(twenty.read_bytes() + b"\n" + line + b"\n")

    with pytest.raises(DatasetError, match=what) as caught:
        gsm8k_prompts(Gsm8k(twenty), seed=0, max_tokens=1)

    message = str(caught.value)
    assert message.startswith(f"{twenty}, line 22: ")
    assert f"; seen: {line.decode(errors='replace')}; a line of GSM8K is {{" in message


def test_a_long_malformed_line_is_cut(twenty: Path) -> None:
    twenty.write_bytes(b"x" * 1000)

    with pytest.raises(DatasetError, match=r"seen: x{80}\.\.\.; a line"):
        gsm8k_prompts(Gsm8k(twenty), seed=0, max_tokens=1)


def test_a_file_shorter_than_a_prompt_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "short.jsonl", 4)

    with pytest.raises(DatasetError) as caught:
        gsm8k_prompts(Gsm8k(path), seed=0, max_tokens=1)

    assert str(caught.value) == (
        f"{path} holds 4 questions, but 4 examples and a question take at least 5: "
        "use a longer file or set fewer shots"
    )


def test_a_repeated_prompt_is_refused(twenty: Path) -> None:
    prompts = gsm8k_prompts(Gsm8k(twenty, shots=0), seed=0, max_tokens=1)
    assert len(list(islice(prompts, 20))) == 20

    with pytest.raises(DatasetError) as caught:
        next(prompts)

    assert str(caught.value) == (
        f"{twenty} holds 20 questions, which with 0 examples each make 20 different prompts; a prefix cache "
        "would answer a repeated one: ask for fewer requests, use a longer file or set more shots"
    )


def test_a_negative_number_of_shots_is_refused() -> None:
    with pytest.raises(CaseError, match=r"dataset: gsm8k\.shots is -1, but must be .* at least 0"):
        Gsm8k(Path("test.jsonl"), shots=-1)
