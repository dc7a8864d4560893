from __future__ import annotations

import json
import math
import statistics
from base64 import b64decode
from typing import Any

import msgspec
import pytest

from pytest_npuperf.simulator.chat import (
    MAX_MODEL_LEN,
    Answer,
    content_events,
    plan_answer,
    role_event,
    whole_body,
)
from pytest_npuperf.simulator.request import ChatRequest
from pytest_npuperf.simulator.settings import SimulatorSettings

MESSAGES = [{"role": "user", "content": "hello"}]


def chat_request(**fields: Any) -> ChatRequest:
    return msgspec.convert({"messages": MESSAGES, "stream": True, **fields}, ChatRequest)


def plan_or_refuse(
    settings: dict[str, Any] | None = None,
    request_id: str = "abc",
    number: int = 1,
    cached_tokens: int | None = None,
    **fields: Any,
) -> Answer | str:
    return plan_answer(
        SimulatorSettings(**(settings or {})),
        chat_request(**fields),
        request_id=request_id,
        created=1,
        number=number,
        prompt_tokens=6,
        cached_tokens=cached_tokens,
    )


def plan(*arguments: Any, **fields: Any) -> Answer:
    answer = plan_or_refuse(*arguments, **fields)
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
        (20, {"max_tokens": 30, "min_tokens": 25}, 25, "stop"),
        (20, {"max_tokens": 30, "min_tokens": 10}, 20, "stop"),
        (20, {"max_tokens": 30, "min_tokens": 30}, 30, "length"),
        (20, {"min_tokens": 300}, 300, "stop"),
    ],
)
def test_the_answer_is_as_long_as_its_setting_unless_max_tokens_ends_it(
    output_tokens: int, fields: dict[str, Any], tokens: int, finish_reason: str
) -> None:
    answer = plan({"output_tokens": output_tokens}, **fields)
    assert (answer.tokens, answer.finish_reason) == (tokens, finish_reason)


@pytest.mark.parametrize("field", ["max_tokens", "min_tokens"])
def test_a_prompt_and_answer_beyond_the_context_are_refused(field: str) -> None:
    fields: dict[str, Any] = {field: MAX_MODEL_LEN}
    refusal = plan_or_refuse(**fields)
    assert isinstance(refusal, str)
    assert "maximum context length is 131072 tokens" in refusal
    assert "you requested 131072 output tokens and your prompt contains 6 input tokens" in refusal


def test_answers_that_end_by_themselves_can_differ_in_length() -> None:
    settings = {"output_tokens": 1000, "output_jitter": 0.2, "seed": 3}
    lengths = [plan(settings, number=number).tokens for number in range(2_000)]
    logs = [math.log(length / 1000) for length in lengths]
    # 2,000 normal draws: the standard errors are 0.0045 and 0.0032.
    assert abs(statistics.mean(logs)) < 0.025
    assert abs(statistics.stdev(logs) - 0.2) < 0.018


def test_that_length_follows_from_the_seed_and_the_number_of_the_request() -> None:
    def lengths(seed: int) -> list[int]:
        return [
            plan({"output_tokens": 1000, "output_jitter": 0.2, "seed": seed}, number=n).tokens
            for n in range(9)
        ]

    assert lengths(1) == lengths(1)
    assert lengths(1) != lengths(2)


def test_no_length_is_below_one_or_above_what_is_asked() -> None:
    planned = [
        plan({"output_tokens": 2, "output_jitter": 2}, number=n, max_tokens=4).tokens for n in range(200)
    ]
    assert set(planned) == {1, 2, 3, 4}


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


def test_usage_tells_how_much_of_the_prompt_was_cached() -> None:
    answer = plan(cached_tokens=4, max_tokens=1, stream_options={"include_usage": True})
    assert events(answer)[-2]["usage"]["prompt_tokens_details"] == {"cached_tokens": 4}


@pytest.mark.parametrize("output_tokens", [3, 100])
def test_usage_comes_with_every_chunk_where_it_is_asked(output_tokens: int) -> None:
    options = {"include_usage": True, "continuous_usage_stats": True}
    answer = plan(
        {"output_tokens": output_tokens, "tokens_per_chunk": 2}, max_tokens=5, stream_options=options
    )
    role = json.loads(role_event(answer).decode().removeprefix("data: "))
    completed = [event["usage"]["completion_tokens"] for event in [role, *events(answer)[:-1]]]
    assert completed == ([0, 2, 3, 3, 3] if output_tokens == 3 else [0, 2, 4, 5, 5])
    assert role["usage"] == {"prompt_tokens": 6, "total_tokens": 6, "completion_tokens": 0}


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        ({}, {"continuous_usage_stats": True}),
        ({"usage": False}, {"include_usage": True, "continuous_usage_stats": True}),
    ],
)
def test_no_chunk_has_usage_where_there_is_none(settings: dict[str, Any], options: dict[str, bool]) -> None:
    answer = plan(settings, max_tokens=3, stream_options=options)
    assert b"usage" not in role_event(answer)
    assert not any("usage" in event for event in events(answer))


def test_usage_can_leave_the_output_uncounted() -> None:
    answer = plan({"output_count": False}, max_tokens=3, stream_options={"include_usage": True})
    usage = events(answer)[-2]["usage"]
    assert usage == {"prompt_tokens": 6, "total_tokens": 6, "completion_tokens": 0}
    assert sum(tokens for _, tokens in content_events(answer)) == 3


def test_another_name_than_the_model_s_can_answer() -> None:
    answer = plan({"answer_model": "other"}, max_tokens=2)
    assert {event["model"] for event in events(answer) if event != "[DONE]"} == {"other"}
    assert json.loads(whole_body(answer))["model"] == "other"


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


def deltas(answer: Answer) -> list[dict[str, Any]]:
    """What each content chunk of a stream carries."""
    found = [choice["delta"] for event in events(answer)[:-1] for choice in event["choices"]]
    return [delta for delta in found if delta.get("content") or "audio" in delta]


@pytest.mark.parametrize(
    ("modalities", "tokens", "per_chunk", "kinds"),
    [
        (None, 3, 1, ["content"] * 3),
        (["text"], 3, 1, ["content"] * 3),
        (["text", "audio"], 4, 1, ["content"] * 2 + ["audio"] * 2),
        (["audio", "text"], 5, 1, ["content"] * 3 + ["audio"] * 2),
        (["text", "audio"], 10, 4, ["content"] * 2 + ["audio"]),
        (["text", "audio"], 1, 1, ["content"]),
        (["text", "audio"], 3, 8, ["content"]),
        (["audio"], 3, 1, ["audio"] * 3),
    ],
)
def test_sound_follows_the_text_where_it_is_asked_for(
    modalities: list[str] | None, tokens: int, per_chunk: int, kinds: list[str]
) -> None:
    answer = plan({"tokens_per_chunk": per_chunk}, max_tokens=tokens, modalities=modalities)

    assert [key for delta in deltas(answer) for key in delta] == kinds
    assert sum(carried for _, carried in content_events(answer)) == tokens


def test_a_token_of_sound_is_40_ms_of_24_khz() -> None:
    sounds = [
        delta["audio"] for delta in deltas(plan({"tokens_per_chunk": 2}, max_tokens=3, modalities=["audio"]))
    ]

    assert {sound["id"] for sound in sounds} == {"audio-chatcmpl-abc"}
    assert [len(b64decode(sound["data"], validate=True)) for sound in sounds] == [2 * 1920, 1920]


@pytest.mark.parametrize(("length", "finish"), [(4, ["length"]), (2, ["stop"])])
def test_sound_ends_as_text_does(length: int, finish: list[str]) -> None:
    answer = plan({"output_tokens": length}, max_tokens=4, modalities=["audio"])
    choices = [choice for event in events(answer)[:-1] for choice in event["choices"]]

    assert [choice["finish_reason"] for choice in choices if choice["finish_reason"]] == finish
    assert events(answer)[-1] == "[DONE]"


def test_a_whole_answer_has_text_and_sound() -> None:
    message = json.loads(whole_body(plan(max_tokens=4, stream=False, modalities=["text", "audio"])))[
        "choices"
    ][0]["message"]

    assert message["content"] == " the rain"
    assert len(b64decode(message["audio"]["data"])) == 2 * 1920
