"""The endpoints of a running simulator, as an HTTP client sees them."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from itertools import pairwise
from time import monotonic_ns
from typing import Any

import httpx
import pytest

from pytest_npuperf.errors import SettingsError
from pytest_npuperf.simulator import Simulator, SimulatorSettings
from pytest_npuperf.simulator.schedule import deadlines

pytestmark = pytest.mark.asyncio

Start = Callable[..., Awaitable[Simulator]]
Connect = Callable[[Simulator], httpx.AsyncClient]

MS = 1_000_000
CHAT = "/v1/chat/completions"


def body(**fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "hello"}], "stream": True, **fields}


def post(fields: dict[str, Any]) -> bytes:
    """A chat request as bytes."""
    content = json.dumps(fields).encode()
    return b"POST %b HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b" % (
        CHAT.encode(),
        len(content),
        content,
    )


def contents(text: str) -> list[str]:
    """The content of each content chunk of a stream."""
    events = [line.removeprefix("data: ") for line in text.split("\n\n") if line and "[DONE]" not in line]
    deltas = [choice["delta"] for event in events for choice in json.loads(event)["choices"]]
    return [delta["content"] for delta in deltas if delta["content"]]


async def collect(response: httpx.Response, received: list[bytes]) -> None:
    async for data in response.aiter_raw():
        received.append(data)


async def until(condition: Callable[[], bool]) -> None:
    async def poll() -> None:
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.002)

    await asyncio.wait_for(poll(), 20)


async def test_health_is_empty_and_ok(start: Start, client: Connect) -> None:
    response = await client(await start()).get("/health")
    assert (response.status_code, response.content) == (200, b"")


async def test_models_lists_the_one_model_with_its_context(start: Start, client: Connect) -> None:
    response = await client(await start(model="/weights/model")).get("/v1/models")
    [model] = response.json()["data"]
    assert (model["id"], model["object"], model["max_model_len"]) == ("/weights/model", "model", 131_072)


async def test_everything_is_503_until_the_start_is_over(start: Start, client: Connect) -> None:
    simulator = await start(startup_delay=60)
    http = client(simulator)
    assert (await http.get("/health")).status_code == 503
    assert (await http.get("/v1/models")).status_code == 503
    assert (await http.post(CHAT, json=body())).status_code == 503
    assert (await http.get("/simulator/requests")).json() == []


async def test_the_start_is_over_after_its_delay(start: Start, client: Connect) -> None:
    http = client(await start(startup_delay=0.05))
    await asyncio.sleep(0.06)
    assert (await http.get("/health")).status_code == 200


async def test_a_stream_has_the_shape_of_vllm(start: Start, client: Connect) -> None:
    request = body(max_tokens=3, stream_options={"include_usage": True})
    response = await client(await start()).post(CHAT, json=request, headers={"x-request-id": "r-1"})
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["x-request-id"] == "r-1"
    *events, done, rest = response.text.split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    decoded = [json.loads(event.removeprefix("data: ")) for event in events]
    assert {event["id"] for event in decoded} == {"chatcmpl-r-1"}
    deltas = [event["choices"][0]["delta"] for event in decoded[:-1]]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert [delta["content"] for delta in deltas[1:]] == [" the", " rain", " on"]
    assert decoded[-1]["usage"]["completion_tokens"] == 3


async def test_a_request_without_stream_gets_a_whole_answer(start: Start, client: Connect) -> None:
    simulator = await start(ttft=0.02, itl=0.005)
    response = await client(simulator).post(CHAT, json=body(stream=False, max_tokens=5))
    answer = response.json()
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["message"]["content"] == " the rain on the hill"
    assert answer["usage"]["completion_tokens"] == 5
    [record] = simulator.records
    assert (record.tokens, len(record.stamps), record.outcome) == (5, 1, "complete")
    assert record.stamps[0] - record.t_received >= (20 + 4 * 5) * MS


@pytest.mark.parametrize(
    ("content", "status", "kind", "message"),
    [
        (b"{no json", 400, "BadRequestError", "JSON is malformed"),
        (b"[]", 400, "BadRequestError", "Expected `object`, got `array`"),
        (b'{"messages": []}', 400, "BadRequestError", "length >= 1 - at `$.messages`"),
        (
            b'{"messages": [{"role": "user", "content": "x"}], "max_tokens": 0}',
            400,
            "BadRequestError",
            "`$.max_tokens`",
        ),
        (
            b'{"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}',
            400,
            "BadRequestError",
            "image_url",
        ),
        (
            b'{"messages": [{"role": "user", "content": "x"}], "max_tokens": 999999}',
            400,
            "BadRequestError",
            "maximum",
        ),
        (
            b'{"messages": [{"role": "user", "content": "x"}], "max_tokens": 4, "min_tokens": 5}',
            400,
            "BadRequestError",
            "min_tokens must be less than or equal to max_tokens=4, got 5",
        ),
        (
            b'{"messages": [{"role": "user", "content": "x"}], "model": "m"}',
            404,
            "NotFoundError",
            "`m` does not exist",
        ),
    ],
)
async def test_a_request_that_is_not_valid_is_refused_and_not_recorded(
    start: Start, client: Connect, content: bytes, status: int, kind: str, message: str
) -> None:
    simulator = await start()
    response = await client(simulator).post(CHAT, content=content)
    error = response.json()["error"]
    assert (response.status_code, error["type"], error["code"]) == (status, kind, status)
    assert message in error["message"]
    assert simulator.records == []


async def test_an_unknown_path_is_404_and_a_wrong_method_405(start: Start, client: Connect) -> None:
    http = client(await start())
    unknown, wrong = await http.get("/v1/embeddings"), await http.get(CHAT)
    assert (unknown.status_code, unknown.json()["error"]["type"]) == (404, "NotFoundError")
    assert (wrong.status_code, wrong.json()["error"]["type"]) == (405, "MethodNotAllowedError")
    assert wrong.json()["error"]["message"] == "/v1/chat/completions takes POST, not GET."


async def test_answers_have_exactly_the_tokens_asked(start: Start, client: Connect) -> None:
    simulator = await start(output_tokens=300)
    http = client(simulator)
    for tokens in (1, 2, 250):
        response = await http.post(CHAT, json=body(max_tokens=tokens))
        assert len(contents(response.text)) == tokens
    assert [record.tokens for record in simulator.records] == [1, 2, 250]
    assert [len(record.stamps) for record in simulator.records] == [1, 2, 250]


async def test_min_tokens_makes_an_answer_longer(start: Start, client: Connect) -> None:
    http = client(await start(output_tokens=3))
    for fields, tokens in (({}, 3), ({"min_tokens": 7}, 7), ({"min_tokens": 2}, 3)):
        response = await http.post(CHAT, json=body(max_tokens=10, **fields))
        assert len(contents(response.text)) == tokens


async def test_answers_can_differ_in_length_by_their_number(start: Start, client: Connect) -> None:
    simulator = await start(output_jitter=0.5, seed=1)
    http = client(simulator)

    async def lengths() -> list[int]:
        await http.post("/simulator/reset")
        return [len(contents((await http.post(CHAT, json=body())).text)) for _ in range(4)]

    first = await lengths()
    assert len(set(first)) == 4
    assert await lengths() == first
    assert [record.tokens for record in simulator.records] == first


async def test_every_nth_request_fails(start: Start, client: Connect) -> None:
    simulator = await start(fail_every=3)
    http = client(simulator)
    responses = [await http.post(CHAT, json=body(max_tokens=1)) for _ in range(6)]
    assert [response.status_code for response in responses] == [200, 200, 500, 200, 200, 500]
    assert responses[2].json()["error"]["type"] == "InternalServerError"
    assert simulator.records[2].outcome == "failed"


async def test_every_nth_stream_is_cut_half_way(start: Start, client: Connect) -> None:
    simulator = await start(break_every=2)
    http = client(simulator)
    assert (await http.post(CHAT, json=body(max_tokens=8))).status_code == 200
    received: list[bytes] = []
    async with http.stream("POST", CHAT, json=body(max_tokens=8)) as response:
        with pytest.raises(httpx.RemoteProtocolError):
            await collect(response, received)
    assert len(contents(b"".join(received).decode())) == 4
    assert (await http.post(CHAT, json=body(max_tokens=8, stream=False))).status_code == 200
    assert [record.outcome for record in simulator.records] == ["complete", "broken", "complete"]


async def test_what_was_done_is_listed_by_request_id(start: Start, client: Connect) -> None:
    simulator = await start()
    http = client(simulator)
    await http.post(CHAT, json=body(max_tokens=4), headers={"X-Request-ID": "mine"})
    await http.post(CHAT, json=body(max_tokens=2))
    mine, other = (await http.get("/simulator/requests")).json()
    stamps = simulator.records[0].stamps
    assert mine == {
        "request_id": "mine",
        "stream": True,
        "t_received": simulator.records[0].t_received,
        "t_started": simulator.records[0].t_received,
        "t_first": stamps[0],
        "t_last": stamps[-1],
        "prompt_tokens": 6,
        "cached_tokens": 0,
        "tokens": 4,
        "images": [],
        "audio_seconds": [],
        "videos": 0,
        "outcome": "complete",
    }
    assert other["request_id"] not in ("", "mine")
    detailed = (await http.get("/simulator/requests", params={"stamps": 1})).json()
    assert detailed[0]["stamps"] == stamps.tolist()


async def test_a_failed_request_has_neither_a_slot_nor_a_chunk(start: Start, client: Connect) -> None:
    http = client(await start(fail_every=1))
    await http.post(CHAT, json=body())
    [record] = (await http.get("/simulator/requests")).json()
    assert [record[stamp] for stamp in ("t_started", "t_first", "t_last")] == [None, None, None]
    assert (record["tokens"], record["outcome"]) == (0, "failed")


async def test_reset_forgets_and_counts_from_the_beginning(start: Start, client: Connect) -> None:
    simulator = await start(fail_every=2)
    http = client(simulator)
    await http.post(CHAT, json=body(max_tokens=1))
    await http.post("/simulator/reset")
    assert simulator.records == []
    assert (await http.post(CHAT, json=body(max_tokens=1))).status_code == 200
    assert (await http.post(CHAT, json=body(max_tokens=1))).status_code == 500


async def test_the_record_agrees_with_what_a_client_sees(start: Start, client: Connect) -> None:
    simulator = await start(ttft=0.05, itl=0.01)
    seen: list[int] = []
    t_sent = monotonic_ns()
    async with client(simulator).stream("POST", CHAT, json=body(max_tokens=20)) as response:
        async for data in response.aiter_raw():
            seen += [monotonic_ns()] * data.count(b'"content":" ')
    [record] = simulator.records
    stamps = record.stamps
    assert t_sent < record.t_received < stamps[0]
    assert all(a <= b for a, b in pairwise(stamps))
    assert all(sent < arrived for sent, arrived in zip(stamps, seen, strict=True))
    # The best of twenty: a busy machine delays some, it cannot delay all.
    assert min(arrived - sent for sent, arrived in zip(stamps, seen, strict=True)) < 20 * MS


async def test_no_chunk_is_early_and_lateness_does_not_add_up(start: Start, client: Connect) -> None:
    simulator = await start(ttft=0.02, itl=0.002)
    await client(simulator).post(CHAT, json=body(max_tokens=200, ignore_eos=True))
    [record] = simulator.records
    late = [stamp - record.t_received - 20 * MS - k * 2 * MS for k, stamp in enumerate(record.stamps)]
    assert min(late) >= 0
    # Sleeping 2 ms each time would be late by at least 0.1 ms more with every chunk.
    assert min(late[100:]) < 5 * MS


async def test_streams_keep_the_deadlines_of_their_seed_and_number(start: Start, client: Connect) -> None:
    settings = SimulatorSettings(port=0, ttft=0.02, itl=0.005, jitter=0.5, seed=3)
    simulator = await start(**asdict(settings))
    http = client(simulator)
    for number in (1, 2):
        await http.post(CHAT, json=body(max_tokens=20))
        record = simulator.records[-1]
        assert record.t_started == record.t_received
        due = deadlines(
            settings, t_started=record.t_received, number=number, prefill_tokens=0, running=lambda: 1
        )
        late = [stamp - deadline for stamp, deadline in zip(record.stamps, due, strict=False)]
        assert len(late) == 20
        assert min(late) >= 0
        assert min(late) < 5 * MS


async def test_the_role_chunk_comes_ahead_of_the_first_token(start: Start, client: Connect) -> None:
    simulator = await start(ttft=0.5, role_lead=0.45)
    async with client(simulator).stream("POST", CHAT, json=body(max_tokens=1)) as response:
        data = response.aiter_raw()
        role = await anext(data)
        t_role = monotonic_ns()
        async for rest in data:
            assert b'"role"' not in rest
    assert b'"role":"assistant"' in role
    assert b'"content":" ' not in role
    [record] = simulator.records
    assert record.stamps[0] - record.t_received >= 500 * MS
    assert record.stamps[0] > t_role


async def test_several_tokens_in_a_chunk_share_its_stamp(start: Start, client: Connect) -> None:
    simulator = await start(tokens_per_chunk=4)
    response = await client(simulator).post(CHAT, json=body(max_tokens=10))
    assert [len(content.split()) for content in contents(response.text)] == [4, 4, 2]
    [record] = simulator.records
    assert (record.tokens, len(record.stamps)) == (10, 3)


async def test_streams_run_beside_each_other(start: Start, client: Connect) -> None:
    simulator = await start(ttft=0.5)
    http = client(simulator)
    await asyncio.gather(*(http.post(CHAT, json=body(max_tokens=2)) for _ in range(8)))
    received = [record.t_received for record in simulator.records]
    assert max(received) < min(record.stamps[0] for record in simulator.records)


async def test_a_client_that_leaves_ends_its_stream(start: Start, client: Connect) -> None:
    simulator = await start(itl=0.002, output_tokens=100_000)
    async with client(simulator).stream("POST", CHAT, json=body()) as response:
        await anext(response.aiter_raw())
    [record] = simulator.records
    await until(lambda: record.outcome == "abandoned")
    assert 1 <= record.tokens < 100_000


async def test_a_client_that_leaves_before_a_whole_answer_gets_none(start: Start) -> None:
    simulator = await start(ttft=60)
    _, writer = await asyncio.open_connection("127.0.0.1", simulator.port)
    writer.write(post(body(stream=False)))
    await until(lambda: len(simulator.records) == 1)
    writer.close()
    await writer.wait_closed()
    await until(lambda: simulator.records[0].outcome == "abandoned")


async def test_a_client_that_reads_late_loses_no_chunk(start: Start) -> None:
    tokens = 30_000  # far more bytes than the kernel takes in for a socket
    simulator = await start(output_tokens=tokens)
    loop, received = asyncio.get_running_loop(), bytearray()
    with socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        raw.setblocking(False)
        await loop.sock_connect(raw, ("127.0.0.1", simulator.port))
        await loop.sock_sendall(raw, post(body()))
        await until(lambda: bool(simulator.records) and simulator.records[0].tokens > 0)
        [record] = simulator.records
        held = -1
        while held != record.tokens:
            held = record.tokens
            await asyncio.sleep(0.1)
        assert held < tokens
        while not received.endswith(b"\r\n0\r\n\r\n"):
            received += await asyncio.wait_for(loop.sock_recv(raw, 1 << 20), 20)
    assert received.count(b'"content":" ') == tokens
    assert (record.tokens, record.outcome) == (tokens, "complete")


async def test_stop_cuts_open_streams() -> None:
    simulator = Simulator(SimulatorSettings(port=0, ttft=60))
    await simulator.start()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{simulator.port}", trust_env=False) as http:
        running = asyncio.create_task(http.post(CHAT, json=body()))
        await until(lambda: len(simulator.records) == 1)
        await simulator.stop()
        with pytest.raises(httpx.RemoteProtocolError):
            await running
    assert simulator.records[0].outcome == "abandoned"


async def test_a_port_in_use_is_an_error_that_says_what_to_do(start: Start) -> None:
    port = (await start()).port
    with pytest.raises(
        SettingsError, match=f"cannot listen on 127.0.0.1 port {port}: .*; choose another port, or 0"
    ):
        await Simulator(SimulatorSettings(port=port)).start()


PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNgYGAAAAAEAAH2FzhVAAAA"
    "AElFTkSuQmCC"
)


def image_message(url: str) -> dict[str, Any]:
    parts = [{"type": "text", "text": "hello"}, {"type": "image_url", "image_url": {"url": url}}]
    return {"role": "user", "content": parts}


async def test_an_image_is_looked_at_counted_and_recorded(start: Start, client: Connect) -> None:
    http = client(await start())
    answer = await http.post(CHAT, json=body(messages=[image_message(PIXEL)], max_tokens=1, stream=False))
    [record] = (await http.get("/simulator/requests")).json()

    assert record["images"] == [{"width": 1, "height": 1}]
    assert answer.json()["usage"]["prompt_tokens"] == record["prompt_tokens"] == 6 + 1


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (PIXEL[:-8], "The PNG ends before its IEND chunk."),
        ("http://127.0.0.1/cat.png", "The simulator fetches nothing: 'http://127.0.0.1/cat.png' is not "),
    ],
)
async def test_an_image_that_is_not_whole_is_a_bad_request(
    start: Start, client: Connect, url: str, reason: str
) -> None:
    simulator = await start()
    response = await client(simulator).post(CHAT, json=body(messages=[image_message(url)]))
    error = response.json()["error"]

    assert (response.status_code, error["type"], error["code"]) == (400, "BadRequestError", 400)
    assert error["message"].startswith(reason)
    assert simulator.records == []


async def test_a_part_of_an_unknown_kind_is_a_bad_request(start: Start, client: Connect) -> None:
    messages = [{"role": "user", "content": [{"type": "smell", "smell": "rose"}]}]
    response = await client(await start()).post(CHAT, json=body(messages=messages))

    assert response.status_code == 400
    assert "Invalid value 'smell'" in response.json()["error"]["message"]


async def test_tokenize_counts_as_usage_does(start: Start, client: Connect) -> None:
    http = client(await start(model="m"))
    messages = [{"role": "system", "content": "be brief"}, image_message(PIXEL)]
    tokenized = (await http.post("/tokenize", json={"model": "m", "messages": messages})).json()
    answer = await http.post(CHAT, json=body(messages=messages, max_tokens=1, stream=False))
    assert tokenized["count"] == answer.json()["usage"]["prompt_tokens"] == (4 + 2) + (4 + 2) + 1
    assert len(tokenized["tokens"]) == tokenized["count"]
    assert tokenized["max_model_len"] == 131_072


async def test_tokenize_takes_a_plain_prompt(start: Start, client: Connect) -> None:
    http = client(await start())
    tokenized = (await http.post("/tokenize", json={"prompt": "12341234 "})).json()
    first, second, third = tokenized["tokens"]
    assert first == second != third
    assert (await http.post("/tokenize", json={"prompt": ""})).json()["count"] == 0


@pytest.mark.parametrize(
    ("fields", "status", "message"),
    [
        ({}, 400, "Give either `messages` or `prompt`."),
        ({"prompt": 1}, 400, "Expected `str | null`, got `int`"),
        ({"messages": []}, 400, "length >= 1"),
        ({"prompt": "a", "model": "other"}, 404, "The model `other` does not exist."),
    ],
)
async def test_what_cannot_be_tokenized_is_refused(
    start: Start, client: Connect, fields: dict[str, Any], status: int, message: str
) -> None:
    response = await client(await start()).post("/tokenize", json=fields)
    assert response.status_code == status
    assert message in response.json()["error"]["message"]


async def test_a_strict_server_refuses_fields_that_are_not_of_openai(start: Start, client: Connect) -> None:
    simulator = await start(strict=True)
    http = client(simulator)
    refused = await http.post(CHAT, json=body(max_tokens=2, min_tokens=2, ignore_eos=True))
    assert refused.status_code == 422
    assert refused.json() == {"detail": "Unexpected fields in the request: {'ignore_eos', 'min_tokens'}"}
    assert simulator.records == []
    allowed = body(max_tokens=2, temperature=0, seed=1, stream_options={"include_usage": True})
    assert (await http.post(CHAT, json=allowed)).status_code == 200


async def test_a_strict_server_still_says_what_is_no_json(start: Start, client: Connect) -> None:
    response = await client(await start(strict=True)).post(CHAT, content=b"{no json")
    assert response.status_code == 400
    assert "JSON is malformed" in response.json()["error"]["message"]


async def test_usage_so_far_comes_with_every_chunk_where_it_is_asked(start: Start, client: Connect) -> None:
    options = {"include_usage": True, "continuous_usage_stats": True}
    request = body(max_tokens=3, stream_options=options)
    response = await client(await start()).post(CHAT, json=request)
    events = [json.loads(event.removeprefix("data: ")) for event in response.text.split("\n\n")[:-2]]
    assert [event["usage"]["completion_tokens"] for event in events] == [0, 1, 2, 3, 3]
    assert [len(event["choices"]) for event in events] == [1, 1, 1, 1, 0]
