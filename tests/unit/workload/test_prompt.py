from __future__ import annotations

import msgspec

from pytest_npuperf.workload.prompt import Prompt, user_prompt


def test_a_user_prompt_is_one_openai_user_message() -> None:
    prompt = user_prompt("Hello", max_tokens=5, input_tokens=1)

    assert prompt == Prompt(({"role": "user", "content": "Hello"},), 5, 1, exact_output=False)


def test_a_prompt_survives_its_way_through_json() -> None:
    prompt = user_prompt("Hello", max_tokens=5, input_tokens=None, exact_output=True)

    assert msgspec.json.decode(msgspec.json.encode(prompt), type=Prompt) == prompt
