from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from pytest_npuperf.simulator.request import (
    ChatRequest,
    Message,
    TokenizeRequest,
    content_parts,
    prompt_bytes,
    token_ids,
    unexpected_fields,
)

MESSAGES: list[dict[str, Any]] = [{"role": "user", "content": "hello"}]


def made(messages: list[dict[str, Any]]) -> list[Message]:
    return msgspec.convert(messages, list[Message])


def count(messages: list[dict[str, Any]]) -> int:
    return len(token_ids(prompt_bytes(made(messages))))


def test_a_prompt_counts_a_token_for_four_bytes_and_four_for_each_message() -> None:
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "12345678"},
        {"role": "user", "content": [{"type": "text", "text": "123"}, {"type": "text", "text": "45"}]},
        {"role": "assistant", "content": None},
        {"role": "user", "content": "水水"},
    ]
    assert count(messages) == (4 + 2) + (4 + 2) + 4 + (4 + 2)


def test_a_role_counts_the_same_however_long_it_is() -> None:
    assert count([{"role": "r" * 100, "content": "1"}]) == 4 + 1


def test_a_conversation_that_goes_on_begins_with_the_same_tokens() -> None:
    first = token_ids(prompt_bytes(made(MESSAGES)))
    longer = token_ids(prompt_bytes(made([*MESSAGES, {"role": "assistant", "content": "hi"}])))
    assert longer[: len(first)] == first
    assert token_ids(prompt_bytes(made([{"role": "system", "content": "hello"}]))) != first


def test_parts_of_other_kinds_have_no_text() -> None:
    url = "data:image/png;base64,AAAA"
    content = [{"type": "text", "text": "12345678"}, {"type": "image_url", "image_url": {"url": url}}]
    messages: list[dict[str, Any]] = [{"role": "user", "content": content}, {"role": "user", "content": "a"}]

    assert count(messages) == (4 + 2) + (4 + 1)
    assert [type(part).__name__ for part in content_parts(made(messages))] == ["TextPart", "_ImagePart"]


def test_fewer_tokens_than_at_least_cannot_be_asked() -> None:
    with pytest.raises(
        msgspec.ValidationError, match="min_tokens must be less than or equal to max_tokens=4, got 5"
    ):
        msgspec.convert({"messages": MESSAGES, "max_tokens": 4, "min_tokens": 5}, ChatRequest)


@pytest.mark.parametrize("fields", [{}, {"prompt": "a", "messages": MESSAGES}])
def test_either_a_prompt_or_messages_are_tokenized(fields: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError, match="Give either `messages` or `prompt`"):
        msgspec.convert(fields, TokenizeRequest)


def test_fields_that_are_not_of_openai_are_unexpected() -> None:
    fields = {"messages": [{"role": "user", "extra": 1}], "top_p": 1, "min_tokens": 1, "ignore_eos": True}
    assert unexpected_fields(json.dumps(fields).encode()) == ["ignore_eos", "min_tokens"]
