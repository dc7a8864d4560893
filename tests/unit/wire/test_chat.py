from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_npuperf.unknown import UNKNOWN
from pytest_npuperf.wire import failures
from pytest_npuperf.wire.chat import Answer, read_answer, request_body
from pytest_npuperf.wire.exchange import Exchange
from pytest_npuperf.wire.sse import events

Received = Callable[..., Exchange]

PARIS = "The capital of France is Paris."
VLLM_MODEL = "/models/SmolLM2-135M-Instruct"

CAPTURES: dict[str, dict[str, Any]] = {
    "vllm.sse": {"chunks": 7, "input": 42, "output": 8, "finish": "stop", "text": PARIS},
    "vllm.length.sse": {
        "chunks": 4,
        "input": 42,
        "output": 4,
        "finish": "length",
        "text": "The capital of France",
    },
    "vllm.nousage.sse": {"chunks": 7, "output": 7, "estimated": True, "finish": "stop", "text": PARIS},
    "vllm.group_sigterm_midstream.sse": {
        "chunks": 49,
        "output": 49,
        "estimated": True,
        "failure": failures.SERVER_ERROR,
    },
    "vllm.sigterm_midstream.sse": {
        "chunks": 92,
        "output": 92,
        "estimated": True,
        "failure": failures.TRUNCATED,
    },
    "llamaserver.unicode.sse": {
        "chunks": 26,
        "input": 59,
        "output": 60,
        "cached": 0,
        "finish": "length",
        "model": "smollm2",
    },
    "llamacpp.sse": {
        "chunks": 7,
        "output": 7,
        "estimated": True,
        "finish": "stop",
        "model": "smollm2",
        "text": PARIS,
    },
    "llamacpp.length.sse": {
        "chunks": 4,
        "output": 4,
        "estimated": True,
        "finish": "length",
        "model": "smollm2",
    },
    "transformers.sse": {"chunks": 7, "input": 42, "output": 8, "finish": "stop", "text": PARIS},
    "transformers.length.sse": {"chunks": 4, "input": 42, "output": 4, "finish": "length"},
}


def event(**fields: Any) -> bytes:
    return b"data: " + json.dumps(fields).encode() + b"\n\n"


def delta(content: Any = None, *, finish: str | None = None, **more: Any) -> bytes:
    return event(
        choices=[{"index": 0, "delta": {"content": content, **more}, "finish_reason": finish}],
        model="m",
        created="yesterday",
    )


ROLE = delta("", role="assistant")
FINISH = delta("", finish="stop")
DONE = b"data: [DONE]\n\n"


@pytest.mark.parametrize("name", CAPTURES)
def test_answers_of_real_servers_are_read(
    name: str, capture: Callable[[str], bytes], received: Received
) -> None:
    expected = {
        "input": UNKNOWN,
        "cached": UNKNOWN,
        "estimated": False,
        "finish": "",
        "model": VLLM_MODEL,
        "failure": "",
    } | CAPTURES[name]

    answer = read_answer(received(capture(name)))

    seen = {
        "chunks": len(answer.chunk_stamps),
        "input": answer.input_tokens,
        "output": answer.output_tokens,
        "cached": answer.cached_tokens,
        "estimated": answer.tokens_estimated,
        "finish": answer.finish_reason,
        "model": answer.model,
        "failure": answer.failure,
        "text": answer.text,
    }
    assert seen == {"text": answer.text} | expected


def test_an_engine_that_dies_says_so_inside_its_stream(
    capture: Callable[[str], bytes], received: Received
) -> None:
    answer = read_answer(received(capture("vllm.group_sigterm_midstream.sse")))

    assert "EngineCore encountered an issue" in answer.failure_text


@pytest.mark.parametrize("name", ["vllm.sse", "llamaserver.unicode.sse", "transformers.sse"])
@given(data=st.data())
def test_a_chunk_gets_the_stamp_of_the_read_that_completed_it(
    name: str, data: st.DataObject, capture: Callable[[str], bytes], received: Received
) -> None:
    body = capture(name)
    cuts = data.draw(st.lists(st.integers(0, len(body)), max_size=60))
    whole = read_answer(received(body))
    exchange = received(body, cuts=cuts)

    answer = read_answer(exchange)

    chunks = [complete for complete, text in events(body) if _is_chunk(text)]
    reads = [next(i for i, end in enumerate(exchange.read_ends) if end >= complete) for complete in chunks]
    assert answer.chunk_stamps.tolist() == [exchange.read_stamps[read] for read in reads]
    assert answer.chunk_lags.tolist() == [exchange.read_lags[read] for read in reads]
    assert (answer.text, answer.output_tokens, answer.finish_reason, answer.failure) == (
        whole.text,
        whole.output_tokens,
        whole.finish_reason,
        whole.failure,
    )


def _is_chunk(text: bytes) -> bool:
    if text == b"[DONE]":
        return False
    return any(choice["delta"].get("content") for choice in json.loads(text)["choices"])


def test_the_end_is_the_stamp_of_done(received: Received) -> None:
    body = delta("a") + FINISH
    exchange = received(body + DONE, cuts=[len(body)])

    assert read_answer(exchange).t_end == exchange.read_stamps[1]


def test_without_done_the_end_is_the_end_of_the_body(received: Received) -> None:
    exchange = received(delta("a") + FINISH)

    assert read_answer(exchange).t_end == exchange.t_end


def test_what_comes_after_done_is_not_looked_at(received: Received) -> None:
    answer = read_answer(received(delta("a") + FINISH + DONE + delta("b") + b"data: nonsense\n\n"))

    assert (len(answer.chunk_stamps), answer.failure) == (1, "")


@pytest.mark.parametrize(
    "output",
    [
        {"content": "a"},
        {"content": [{"type": "text", "text": "a"}]},
        {"reasoning_content": "hm"},
        {"reasoning": "hm"},
        {"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]},
        {"audio": {"data": "UklGRg=="}},
        {"audio": {"id": "audio-1", "transcript": "a"}},
    ],
    ids=lambda output: next(iter(output)),
)
def test_generated_output_of_any_kind_is_a_chunk(output: dict[str, Any], received: Received) -> None:
    answer = read_answer(received(event(choices=[{"delta": output}]) + FINISH + DONE))

    assert (len(answer.chunk_stamps), answer.failure) == (1, "")


@pytest.mark.parametrize(
    "silent",
    [
        ROLE,
        delta(None, role="assistant"),
        event(choices=[{"delta": {"role": "assistant"}}]),
        event(choices=[{"delta": {}, "finish_reason": None}]),
        event(choices=[{"delta": {"tool_calls": [], "audio": {}, "reasoning": ""}}]),
        event(choices=[{"delta": {"audio": {"id": "audio-1", "expires_at": 1729018505}}}]),
        event(choices=[{"finish_reason": None}]),
        event(choices=[], usage={"prompt_tokens": 1, "completion_tokens": 1}),
        event(choices=None, usage=None),
        b": keep-alive\n\n",
    ],
)
def test_events_without_generated_output_are_no_chunks(silent: bytes, received: Received) -> None:
    body = silent + delta("a") + silent + FINISH + DONE
    exchange = received(body, cuts=[len(silent)])

    answer = read_answer(exchange)

    assert answer.chunk_stamps.tolist() == [exchange.read_stamps[1]]
    assert answer.failure == ""


def test_a_finish_reason_on_the_last_content_chunk_counts_once(received: Received) -> None:
    answer = read_answer(received(delta("a") + delta("b", finish="length") + DONE))

    assert (len(answer.chunk_stamps), answer.finish_reason) == (2, "length")


def test_an_event_with_several_choices_is_one_chunk(received: Received) -> None:
    both = event(choices=[{"index": 0, "delta": {"content": "a"}}, {"index": 1, "delta": {"content": "b"}}])

    assert len(read_answer(received(both + FINISH + DONE)).chunk_stamps) == 1


def test_usage_on_every_chunk_leaves_the_last_one(received: Received) -> None:
    body = b"".join(
        event(
            choices=[{"delta": {"content": "a"}}],
            usage={"prompt_tokens": 5, "completion_tokens": count},
        )
        for count in (1, 3)
    )

    answer = read_answer(received(body + FINISH + DONE))

    assert (answer.input_tokens, answer.output_tokens, answer.tokens_estimated) == (5, 3, False)


def test_cached_tokens_are_unknown_where_the_server_does_not_say(received: Received) -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 1, "prompt_tokens_details": None}

    assert read_answer(received(delta("a") + FINISH + event(usage=usage))).cached_tokens == UNKNOWN


def test_without_usage_chunks_are_counted_and_marked_as_estimated(received: Received) -> None:
    answer = read_answer(received(ROLE + delta("a") + delta("b") + FINISH + DONE))

    assert (answer.input_tokens, answer.output_tokens, answer.tokens_estimated) == (UNKNOWN, 2, True)


def test_usage_on_every_chunk_gives_the_tokens_of_each(received: Received) -> None:
    def counted(content: str, count: int) -> bytes:
        return event(
            choices=[{"delta": {"content": content}}],
            usage={"prompt_tokens": 5, "completion_tokens": count},
        )

    answer = read_answer(received(counted("", 0) + counted("a", 1) + counted("b", 4) + FINISH + DONE))

    assert answer.chunk_tokens.tolist() == [1, 3]


def test_without_usage_on_it_the_tokens_of_a_chunk_are_unknown(
    capture: Callable[[str], bytes], received: Received
) -> None:
    assert read_answer(received(capture("vllm.sse"))).chunk_tokens.tolist() == [UNKNOWN] * 7


@pytest.mark.parametrize(
    ("chunks_of_reads", "crowded", "first"),
    [
        ([1, 1, 1], 0, False),
        ([2], 1, True),
        ([3], 1, True),
        ([2, 1, 4, 1, 2], 3, True),
        ([0, 2], 1, True),
        ([1, 2, 3], 2, False),
    ],
)
def test_reads_of_several_chunks_are_counted_where_the_loop_had_not_slept(
    chunks_of_reads: list[int], crowded: int, first: bool, received: Received
) -> None:
    reads = [ROLE + delta("a") * chunks for chunks in chunks_of_reads]
    cuts = [len(b"".join(reads[: i + 1])) for i in range(len(reads))]
    body = b"".join(reads) + FINISH + DONE

    late, prompt = (read_answer(received(body, cuts=cuts, slept=slept)) for slept in (False, True))

    assert (late.crowded_reads, late.crowded_first) == (crowded, first)
    assert (prompt.crowded_reads, prompt.crowded_first) == (0, False)


def test_the_text_of_an_answer_is_joined(received: Received) -> None:
    exchange = received(delta("a ") + delta("\u2028b") + FINISH + DONE)

    assert read_answer(exchange).text == "a \u2028b"


def test_done_without_a_finish_reason_is_truncated(received: Received) -> None:
    answer = read_answer(received(ROLE + delta("a") + DONE))

    assert (answer.failure, answer.failure_text) == (
        failures.TRUNCATED,
        "the stream ended without a finish reason",
    )


def test_a_whole_answer_without_output_is_empty(received: Received) -> None:
    answer = read_answer(received(ROLE + FINISH + DONE))

    assert (answer.failure, answer.failure_text) == (failures.EMPTY, "no output, finish reason 'stop'")
    assert answer.output_tokens == 0


def test_a_response_without_any_body_is_truncated(received: Received) -> None:
    assert read_answer(received(b"")).failure == failures.TRUNCATED


def test_an_error_inside_the_stream_fails_the_request_and_keeps_its_chunks(received: Received) -> None:
    error = event(error={"message": "out of memory", "code": 500})

    answer = read_answer(received(delta("a") + error + delta("b") + FINISH + DONE))

    assert (answer.failure, answer.failure_text) == (
        failures.SERVER_ERROR,
        '{"message":"out of memory","code":500}',
    )
    assert (len(answer.chunk_stamps), answer.t_end) == (1, 10**9)


@pytest.mark.parametrize(
    "bad", [b"{", b"", b"5", b'"a"', b'{"choices": 5}', b'{"choices": [{"delta": "a"}]}', b"<html>"]
)
def test_an_event_that_is_not_a_chat_chunk_fails_the_request(bad: bytes, received: Received) -> None:
    answer = read_answer(received(delta("a") + b"data: " + bad + b"\n\n" + FINISH + DONE))

    assert answer.failure == failures.BAD_EVENT
    assert answer.failure_text.endswith(f": {bad.decode()}")
    assert len(answer.chunk_stamps) == 1


def test_bytes_that_are_not_utf_8_are_replaced_as_the_specification_asks(received: Received) -> None:
    broken = delta("a?b").replace(b"?", b"\xf0\x9f")

    answer = read_answer(received(broken + FINISH + DONE))

    assert (answer.text, answer.failure) == ("a\ufffdb", "")


@given(st.binary(max_size=60))
def test_no_event_makes_reading_raise(received: Received, data: bytes) -> None:
    answer = read_answer(received(delta("a") + b'data: {"model": "' + data + b'"}\n\n'))

    assert answer.failure in (failures.BAD_EVENT, failures.TRUNCATED)


def test_the_body_of_another_status_is_the_text_of_the_failure(
    capture: Callable[[str], bytes], received: Received
) -> None:
    body = capture("vllm.too_long_prompt.txt").partition(b"\r\n\r\n")[2]

    answer = read_answer(received(body, status=400))

    assert answer.failure == failures.HTTP_STATUS
    assert answer.failure_text == f"HTTP 400: {body.decode()}"
    assert (answer.t_end, answer.output_tokens) == (10**9, UNKNOWN)


def test_failure_texts_are_bounded(received: Received) -> None:
    error = event(error={"message": "x" * 5000})
    bad = b"data: " + b"y" * 5000 + b"\n\n"

    page = read_answer(received("é".encode() * 5000, status=502)).failure_text
    assert page == f"HTTP 502: {'é' * 400}... (5000 characters)"
    assert len(read_answer(received(error)).failure_text) < 500
    assert len(read_answer(received(bad)).failure_text) < 600


def test_a_failure_of_the_connection_keeps_the_chunks_that_came(received: Received) -> None:
    exchange = received(ROLE + delta("a") + delta("b"))
    exchange.failure, exchange.failure_text = failures.BROKEN, "the server closed the connection"

    answer = read_answer(exchange)

    assert (answer.failure, answer.failure_text) == (failures.BROKEN, "the server closed the connection")
    assert (len(answer.chunk_stamps), answer.t_end) == (2, 10**9)


def test_a_failure_of_the_connection_after_done_keeps_its_own_end(received: Received) -> None:
    exchange = received(delta("a") + FINISH + DONE)
    exchange.failure = failures.BROKEN

    assert read_answer(exchange).t_end == 10**9


def test_an_error_that_the_server_told_before_it_cut_the_connection_is_the_failure(
    received: Received,
) -> None:
    exchange = received(delta("a") + event(error={"message": "engine died"}))
    exchange.failure, exchange.failure_text = failures.BROKEN, "the server closed the connection"

    answer = read_answer(exchange)

    assert (answer.failure, answer.failure_text) == (failures.SERVER_ERROR, '{"message":"engine died"}')


def test_a_request_that_got_no_response_keeps_its_failure() -> None:
    exchange = Exchange(t_sent=1, t_end=2, failure=failures.CONNECT, failure_text="refused")

    assert read_answer(exchange) == Answer(t_end=2, failure=failures.CONNECT, failure_text="refused")


def test_a_request_body_asks_for_a_greedy_stream_with_usage() -> None:
    body = json.loads(request_body([{"role": "user", "content": "é"}], model="m", max_tokens=9))

    assert body == {
        "model": "m",
        "messages": [{"role": "user", "content": "é"}],
        "max_tokens": 9,
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_extra_fields_are_added_to_a_request_body_and_override_it() -> None:
    body = json.loads(
        request_body([], model="m", max_tokens=9, extra={"temperature": 0.7, "ignore_eos": True})
    )

    assert (body["temperature"], body["ignore_eos"], body["max_tokens"]) == (0.7, True, 9)
