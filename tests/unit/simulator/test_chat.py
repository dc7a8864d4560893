from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from pytest_npuperf.simulator.chat import (
    MAX_MODEL_LEN,
    Answer,
    ChatRequest,
    content_events,
    count_prompt_tokens,
    plan_answer,
    role_event,
    whole_body,
)
from pytest_npuperf.simulator.settings import SimulatorSettings

MESSAGES = [{"role": "user", "content": "hello"}]


def chat_request(**fields: Any) -> ChatRequest:
    return msgspec.convert({"messages": MESSAGES, "stream": True, **fields}, ChatRequest)


def plan(settings: dict[str, Any] | None = None, request_id: str = "abc", **fields: Any) -> Answer:
    answer = plan_answer(
        SimulatorSettings(**(settings or {})), chat_request(**fields), request_id=request_id, created=1
    )
    assert isinstance(answer, Answer)
    return answer


def events(answer: Answer) -> list[Any]:
    """All events of the stream, decoded; ``[DONE]`` as it is."""
    data = b"".join(event for event, _ in content_events(answer)).decode()
    payloads = [event.removeprefix("data: ") for event in data.removesuffix("\n\n").split("\n\n")]
    return [payload if payload == "[DONE]" else json.loads(payload) for payload in payloads]


@pytest.mark.parametrize(
    ("output_tokens", "fields", "tokens", "finish_reason"),
    [
        (100, {"max_tokens": 30}, 30, "length"),
        (100, {"max_tokens": 100}, 100, "length"),
        (20, {"max_tokens": 30}, 20, "stop"),
        (20, {}, 20, "stop"),
        (100, {"max_completion_tokens": 40}, 40, "length"),
        (100, {"max_completion_tokens": 40, "max_tokens": 30}, 40, "length"),
        (20, {"max_tokens": 30, "ignore_eos": True}, 30, "length"),
    ],
)
def test_the_answer_is_as_long_as_its_setting_unless_max_tokens_ends_it(
    output_tokens: int, fields: dict[str, Any], tokens: int, finish_reason: str
) -> None:
    answer = plan({"output_tokens": output_tokens}, **fields)
    assert (answer.tokens, answer.finish_reason) == (tokens, finish_reason)


def test_a_prompt_and_answer_beyond_the_context_are_refused() -> None:
    request = chat_request(max_tokens=MAX_MODEL_LEN)
    refusal = plan_answer(SimulatorSettings(), request, request_id="abc", created=1)
    assert isinstance(refusal, str)
    assert "maximum context length is 131072 tokens" in refusal
    assert "you requested 131072 output tokens and your prompt contains 6 input tokens" in refusal


def test_a_prompt_counts_a_token_for_four_bytes_and_four_for_each_message() -> None:
    messages = [
        {"role": "system", "content": "12345678"},
        {"role": "user", "content": [{"type": "text", "text": "123"}, {"type": "text", "text": "45"}]},
        {"role": "assistant", "content": None},
        {"role": "user", "content": "水水"},
    ]
    assert count_prompt_tokens(chat_request(messages=messages)) == (4 + 2) + (4 + 2) + 4 + (4 + 2)


def test_each_token_is_a_chunk_of_its_own() -> None:
    sent = list(content_events(plan(max_tokens=5)))
    assert [tokens for _, tokens in sent] == [1, 1, 1, 1, 1]
    first = json.loads(sent[0][0].decode().removeprefix("data: "))
    assert first == {
        "id": "chatcmpl-abc",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "simulated-model",
        "choices": [
            {
                "index": 0,
                "delta": {"content": " the"},
                "logprobs": None,
                "finish_reason": None,
                "token_ids": None,
            }
        ],
    }


def test_chunks_carry_as_many_tokens_as_set_and_the_last_the_rest() -> None:
    answer = plan({"tokens_per_chunk": 4}, max_tokens=10)
    assert answer.chunks == 3
    assert [tokens for _, tokens in content_events(answer)] == [4, 4, 2]
    contents = [event["choices"][0]["delta"]["content"] for event in events(answer)[:3]]
    assert [len(content.split()) for content in contents] == [4, 4, 2]


def test_an_answer_cut_by_max_tokens_says_so_on_its_last_chunk() -> None:
    last, done = events(plan(max_tokens=3))[2:]
    assert last["choices"][0]["finish_reason"] == "length"
    assert last["choices"][0]["delta"]["content"] != ""
    assert done == "[DONE]"


def test_an_answer_that_ends_by_itself_says_so_in_an_event_of_its_own() -> None:
    content, finish, done = events(plan({"output_tokens": 1}))
    assert content["choices"][0]["finish_reason"] is None
    assert finish["choices"][0]["finish_reason"] == "stop"
    assert finish["choices"][0]["delta"] == {"content": ""}
    assert done == "[DONE]"


def test_usage_comes_in_an_event_without_choices_where_it_is_asked() -> None:
    usage = events(plan(max_tokens=3, stream_options={"include_usage": True}))[-2]
    assert usage["choices"] == []
    assert usage["usage"] == {"prompt_tokens": 6, "total_tokens": 9, "completion_tokens": 3}


def test_usage_does_not_come_unasked() -> None:
    assert not any("usage" in event for event in events(plan(max_tokens=3)))


def test_usage_and_done_can_be_left_out() -> None:
    settings = {"usage": False, "done": False}
    answer = plan(settings, max_tokens=3, stream_options={"include_usage": True})
    assert [event["choices"][0]["finish_reason"] for event in events(answer)] == [None, None, "length"]
    assert "usage" not in json.loads(whole_body(plan(settings, stream=False)))


def test_the_role_comes_with_empty_content() -> None:
    event = json.loads(role_event(plan()).decode().removeprefix("data: "))
    assert event["choices"][0]["delta"] == {"role": "assistant", "content": ""}


def test_a_whole_answer_has_the_text_of_the_streamed_one() -> None:
    whole = json.loads(whole_body(plan(max_tokens=50, stream=False)))
    streamed = [event["choices"][0]["delta"]["content"] for event in events(plan(max_tokens=50))[:-1]]
    assert whole["choices"][0]["message"] == {"role": "assistant", "content": "".join(streamed)}
    assert whole["choices"][0]["finish_reason"] == "length"
    assert whole["usage"] == {"prompt_tokens": 6, "total_tokens": 56, "completion_tokens": 50}


def test_no_request_id_or_model_can_break_the_json_of_a_chunk() -> None:
    nasty = 'x","content":"\\'
    answer = plan({"model": nasty}, request_id=nasty, max_tokens=2)
    for event in events(answer)[:-1]:
        assert event["id"] == "chatcmpl-" + nasty
        assert event["model"] == nasty
        assert event["choices"][0]["delta"]["content"] in (" the", " rain")
