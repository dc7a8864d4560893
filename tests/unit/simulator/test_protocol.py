"""HTTP as bytes on a socket, against a running simulator."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from pytest_npuperf.simulator import Simulator
from pytest_npuperf.simulator.protocol import HttpConnection, Request

Start = Callable[..., Awaitable[Simulator]]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

HEALTH = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\n"


@asynccontextmanager
async def connected(simulator: Simulator) -> AsyncIterator[Streams]:
    reader, writer = await asyncio.open_connection("127.0.0.1", simulator.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        await writer.wait_closed()


def chat(*, headers: bytes = b"", version: bytes = b"1.1", **fields: object) -> bytes:
    message = {"messages": [{"role": "user", "content": "hi"}], "stream": True, "max_tokens": 3, **fields}
    body = json.dumps(message).encode()
    return b"POST /v1/chat/completions HTTP/%b\r\nhost: x\r\ncontent-length: %d\r\n%b\r\n%b" % (
        version,
        len(body),
        headers,
        body,
    )


async def read_response(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Head and body of one response, in either framing."""
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    if b"transfer-encoding: chunked" not in head:
        length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        return head, await reader.readexactly(length)
    body = b""
    while size := int(await asyncio.wait_for(reader.readline(), 10), 16):
        body += await reader.readexactly(size)
        assert await reader.readexactly(2) == b"\r\n"
    assert await reader.readexactly(2) == b"\r\n"
    return head, body


@pytest.mark.asyncio
async def test_a_request_may_come_in_pieces_of_any_size(start: Start) -> None:
    async with connected(await start()) as (reader, writer):
        request = chat()
        for position in range(0, len(request), 7):
            writer.write(request[position : position + 7])
            await writer.drain()
            await asyncio.sleep(0)
        head, body = await read_response(reader)
    assert head.startswith(OK)
    assert body.endswith(b"data: [DONE]\n\n")


@pytest.mark.asyncio
async def test_a_connection_is_kept_for_the_next_request(start: Start) -> None:
    async with connected(await start()) as (reader, writer):
        for _ in range(3):
            writer.write(chat())
            head, body = await read_response(reader)
            assert b"connection: close" not in head
            assert body.endswith(b"data: [DONE]\n\n")


@pytest.mark.asyncio
async def test_pipelined_requests_are_answered_in_order(start: Start) -> None:
    async with connected(await start(itl=0.001)) as (reader, writer):
        writer.write(chat(max_tokens=20) + HEALTH + chat(max_tokens=2) + HEALTH)
        bodies = [(await read_response(reader))[1] for _ in range(4)]
    assert [body.count(b'"content":" ') for body in bodies] == [20, 0, 2, 0]


@pytest.mark.asyncio
async def test_a_pipelined_request_is_received_when_its_turn_comes(start: Start) -> None:
    simulator = await start(ttft=0.01, itl=0.001)
    async with connected(simulator) as (reader, writer):
        writer.write(chat() + chat())
        await read_response(reader)
        await read_response(reader)
    first, second = simulator.records
    assert second.t_received >= first.stamps[-1]
    assert second.stamps[0] - second.t_received >= 10_000_000


@pytest.mark.asyncio
async def test_thousands_of_pipelined_requests_do_not_nest(start: Start) -> None:
    async with connected(await start()) as (reader, writer):
        writer.write(HEALTH * 3000)
        for _ in range(3000):
            head, _ = await read_response(reader)
            assert head.startswith(OK)


@pytest.mark.asyncio
async def test_connection_close_is_honoured_and_announced(start: Start) -> None:
    async with connected(await start()) as (reader, writer):
        writer.write(chat(headers=b"connection: close\r\n"))
        head, _ = await read_response(reader)
        assert b"connection: close" in head
        assert await asyncio.wait_for(reader.read(), 10) == b""


@pytest.mark.asyncio
async def test_requests_after_connection_close_are_dropped(start: Start) -> None:
    simulator = await start()
    async with connected(simulator) as (reader, writer):
        writer.write(chat(headers=b"connection: close\r\n") + chat())
        await read_response(reader)
        assert await asyncio.wait_for(reader.read(), 10) == b""
    assert len(simulator.records) == 1


@pytest.mark.asyncio
async def test_a_client_that_expects_100_continue_gets_it_before_it_sends_its_body(start: Start) -> None:
    async with connected(await start()) as (reader, writer):
        head, _, body = chat(headers=b"expect: 100-continue\r\n").partition(b"\r\n\r\n")
        writer.write(head + b"\r\n\r\n")
        assert await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10) == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(body)
        response, _ = await read_response(reader)
    assert response.startswith(OK)


@pytest.mark.asyncio
async def test_what_is_not_http_is_answered_400_and_closed(start: Start) -> None:
    async with connected(await start()) as (reader, writer):
        writer.write(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
        head, body = await read_response(reader)
        assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert body == b""
        assert await asyncio.wait_for(reader.read(), 10) == b""


@pytest.mark.asyncio
async def test_what_came_before_garbage_is_answered(start: Start) -> None:
    async with connected(await start(ttft=0.01)) as (reader, writer):
        writer.write(chat() + b"garbage\r\n\r\n")
        _, body = await read_response(reader)
        assert body.endswith(b"data: [DONE]\n\n")
        assert await asyncio.wait_for(reader.read(), 10) == b""


@pytest.mark.asyncio
async def test_an_upgrade_is_ignored(start: Start) -> None:
    async with connected(await start()) as (reader, writer):
        writer.write(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n")
        head, _ = await read_response(reader)
        assert head.startswith(OK)
        assert await asyncio.wait_for(reader.read(), 10) == b""


@pytest.mark.asyncio
async def test_a_stream_over_http_1_0_is_refused(start: Start) -> None:
    async with connected(await start()) as (reader, writer):
        writer.write(chat(version=b"1.0"))
        head, body = await read_response(reader)
    assert head.startswith(b"HTTP/1.1 505 ")
    assert (
        json.loads(body)["error"]["message"]
        == "A stream needs chunked framing, which HTTP/1.0 does not have."
    )


@pytest.mark.asyncio
async def test_a_whole_answer_goes_over_http_1_0(start: Start) -> None:
    async with connected(await start()) as (reader, writer):
        writer.write(chat(version=b"1.0", stream=False))
        head, body = await read_response(reader)
        assert await asyncio.wait_for(reader.read(), 10) == b""
    assert head.startswith(OK)
    assert json.loads(body)["usage"]["completion_tokens"] == 3


@pytest.mark.asyncio
async def test_a_response_to_head_has_no_body(start: Start) -> None:
    async with connected(await start()) as (reader, writer):
        writer.write(HEALTH.replace(b"GET", b"HEAD") + HEALTH)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        assert head.startswith(b"HTTP/1.1 405 ")
        following = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        assert following.startswith(OK)


@pytest.mark.parametrize("runner", ["asyncio", "uvloop"])
def test_a_write_is_with_the_client_when_it_returns(runner: str) -> None:
    """Else a stamp taken before it would be early."""
    got: list[bytes] = []

    async def main() -> None:
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        with socket.socket() as raw:

            def handle(connection: HttpConnection, request: Request, t_received: int) -> None:  # noqa: ARG001
                connection.write(b"now")
                got.append(raw.recv(16))
                connection.close()
                done.set()

            server = await loop.create_server(lambda: HttpConnection(handle, set()), "127.0.0.1", 0)
            raw.settimeout(2)
            raw.connect(server.sockets[0].getsockname())
            raw.sendall(HEALTH)
            await asyncio.wait_for(done.wait(), 10)
            server.close()
            await server.wait_closed()

    pytest.importorskip(runner).run(main())
    assert got == [b"now"]
