from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_npuperf.errors import CaseError
from pytest_npuperf.wire.chat import read_answer
from pytest_npuperf.wire.tls_settings import TlsSettings
from pytest_npuperf.wire.transport import WireTransport

Serve = Callable[..., Any]
Run = Callable[[Coroutine[Any, Any, Any]], Any]
Transports = Callable[..., WireTransport]

CERTIFICATE = Path(__file__).parent / "certs" / "localhost.pem"
CHAT = "/v1/chat/completions"
ASKED = {"messages": [], "stream": True}
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
TOKEN = b'data: {"choices": [{"delta": {"content": "a"}}]}\n\n'
FINISH = b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"
END = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


WHOLE = HEAD + chunk(TOKEN) + chunk(FINISH) + chunk(DONE) + END


@pytest.fixture
def transport_to() -> Iterator[Transports]:
    """Makes transports; they are closed at the end."""
    with ExitStack() as stack:

        def make(url: str, **settings: Any) -> WireTransport:
            return stack.enter_context(closing(WireTransport(url, **settings)))

        yield make


def client_of(transport: WireTransport, url: str, **settings: Any) -> httpx.AsyncClient:
    settings = {"timeout": httpx.Timeout(10), **settings}
    return httpx.AsyncClient(transport=transport, base_url=url, trust_env=False, **settings)


async def ask(client: httpx.AsyncClient, **request: Any) -> httpx.Response:
    """Ask for a stream and take it in whole."""
    return await client.post(CHAT, **{"json": ASKED, **request})


def headers_of(request: bytes) -> dict[str, str]:
    lines = request.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    return {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}


# ---- responses


def test_the_body_is_handed_on_while_it_arrives(serve: Serve, run: Run, transport_to: Transports) -> None:
    server = serve(["request", HEAD + chunk(TOKEN), "wait", chunk(FINISH), END])

    async def read() -> tuple[list[bytes], httpx.Response]:
        client = client_of(transport_to(server.url), server.url)
        async with client.stream("POST", CHAT, json=ASKED) as response:
            pieces = []
            async for piece in response.aiter_bytes():
                server.go.set()
                pieces.append(piece)
        return pieces, response

    pieces, response = run(read())
    assert pieces[0] == TOKEN
    assert b"".join(pieces) == TOKEN + FINISH
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream"
    assert response.http_version == "HTTP/1.1"


def test_only_the_headers_of_the_response_itself_are_given(
    serve: Serve, run: Run, transport_to: Transports
) -> None:
    server = serve(["request", b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n" + WHOLE])

    response = run(ask(client_of(transport_to(server.url), server.url)))

    assert response.status_code == 200
    assert "link" not in response.headers


def test_an_ended_exchange_is_recorded_with_its_stamps(
    serve: Serve, run: Run, transport_to: Transports
) -> None:
    server = serve(["request", WHOLE])
    transport = transport_to(server.url)

    run(ask(client_of(transport, server.url)))

    (recorded,) = transport.recorded
    answer = read_answer(recorded.exchange)
    assert (answer.failure, answer.finish_reason, len(answer.chunk_stamps)) == ("", "stop", 1)
    assert recorded.exchange.t_sent < answer.chunk_stamps[0]
    assert transport.sent == 1


def test_an_error_status_is_a_response_and_recorded(serve: Serve, run: Run, transport_to: Transports) -> None:
    server = serve(["request", b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy"])
    transport = transport_to(server.url)

    response = run(ask(client_of(transport, server.url)))

    assert (response.status_code, response.text) == (503, "busy")
    assert [recorded.exchange.status for recorded in transport.recorded] == [503]


# ---- requests


def test_the_request_is_the_callers_without_compression(
    serve: Serve, run: Run, transport_to: Transports
) -> None:
    server = serve(["request", WHOLE])

    run(ask(client_of(transport_to(server.url), server.url), params={"a": "b"}, headers={"X-Own": "1"}))

    (request,) = server.requests
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/chat/completions?a=b HTTP/1.1\r\n")
    assert body == httpx.Request("POST", server.url, json=ASKED).content
    headers = headers_of(request)
    assert headers["accept-encoding"] == "identity"
    assert headers["host"] == server.url.removeprefix("http://")
    assert headers["x-own"] == "1"
    assert "authorization" not in headers


def test_a_body_that_comes_in_pieces_is_sent_whole(serve: Serve, run: Run, transport_to: Transports) -> None:
    server = serve(["request", WHOLE])

    async def pieces() -> AsyncIterator[bytes]:
        yield b'{"stream": '
        yield b"true}"

    run(ask(client_of(transport_to(server.url), server.url), json=None, content=pieces()))

    (request,) = server.requests
    assert request.endswith(b'\r\n\r\n{"stream": true}')
    assert "transfer-encoding" not in headers_of(request)


@pytest.mark.parametrize("own", [None, "mine"])
def test_every_request_has_an_id_and_keeps_its_own(
    own: str | None, serve: Serve, run: Run, transport_to: Transports
) -> None:
    server = serve(["request", WHOLE, "request", WHOLE])
    transport = transport_to(server.url)

    async def ask_twice() -> None:
        client = client_of(transport, server.url)
        for _ in range(2):
            await ask(client, headers={"X-Request-Id": own} if own else {})

    run(ask_twice())
    sent = [headers_of(request)["x-request-id"] for request in server.requests]
    assert sent == [recorded.request_id for recorded in transport.recorded]
    assert len(set(sent)) == (1 if own else 2)
    assert own is None or sent == [own, own]


@pytest.mark.parametrize(
    ("own", "expected"), [({}, "Bearer key"), ({"authorization": "Bearer own"}, "Bearer own")]
)
def test_the_api_key_is_sent_where_the_caller_has_none(
    own: dict[str, str], expected: str, serve: Serve, run: Run, transport_to: Transports
) -> None:
    server = serve(["request", WHOLE])

    run(ask(client_of(transport_to(server.url, api_key="key"), server.url), headers=own))

    assert headers_of(server.requests[0])["authorization"] == expected


def test_https_by_an_authority_of_its_own(serve: Serve, run: Run, transport_to: Transports) -> None:
    server = serve(["request", WHOLE], tls=True)
    transport = transport_to(server.url, tls=TlsSettings(ca_file=str(CERTIFICATE)))

    response = run(ask(client_of(transport, server.url)))

    assert response.content == TOKEN + FINISH + DONE


# ---- connections


def test_a_connection_is_kept_for_the_next_request(serve: Serve, run: Run, transport_to: Transports) -> None:
    server = serve(["request", WHOLE, "request", WHOLE])
    transport = transport_to(server.url)

    async def ask_in_turn() -> None:
        client = client_of(transport, server.url)
        await ask(client)
        await ask(client)

    run(ask_in_turn())
    assert server.connections == 1
    assert [recorded.exchange.connect_ns > 0 for recorded in transport.recorded] == [True, False]


def test_requests_beside_each_other_have_connections_of_their_own(
    serve: Serve, run: Run, transport_to: Transports
) -> None:
    server = serve(*[["request", HEAD, "wait", chunk(TOKEN), END]] * 2)

    async def ask_at_once() -> None:
        client = client_of(transport_to(server.url), server.url)
        async with client.stream("POST", CHAT, json=ASKED), client.stream("POST", CHAT, json=ASKED):
            server.go.set()

    run(ask_at_once())
    assert server.connections == 2


def test_a_kept_connection_that_the_server_left_is_replaced(
    serve: Serve, run: Run, transport_to: Transports
) -> None:
    server = serve(["request", WHOLE, "request"], ["request", WHOLE])
    transport = transport_to(server.url)

    async def ask_in_turn() -> None:
        client = client_of(transport, server.url)
        await ask(client)
        await ask(client)

    run(ask_in_turn())
    assert [recorded.exchange.retries for recorded in transport.recorded] == [0, 1]


def test_the_callers_event_loop_may_change(serve: Serve, run: Run, transport_to: Transports) -> None:
    server = serve(["request", WHOLE, "request", WHOLE])
    transport = transport_to(server.url)
    client = client_of(transport, server.url)

    for _ in range(2):
        assert run(ask(client)).status_code == 200

    assert server.connections == 1


def test_reads_are_stamped_while_the_callers_loop_is_blocked(
    serve: Serve, run: Run, transport_to: Transports
) -> None:
    server = serve(["request", HEAD + chunk(TOKEN), "wait", chunk(TOKEN), 0.05, chunk(TOKEN), 0.05, END])
    transport = transport_to(server.url)

    async def block() -> None:
        async with client_of(transport, server.url).stream("POST", CHAT, json=ASKED) as response:
            server.go.set()
            # two of the reads come while nothing is awaited
            deadline = time.monotonic() + 10
            while len(transport.recorded) < 1 and time.monotonic() < deadline:
                time.sleep(0.01)  # noqa: ASYNC251
            await response.aread()

    run(block())
    (recorded,) = transport.recorded
    assert len(recorded.exchange.read_ends) >= 3


# ---- what is given up


def test_a_response_that_is_closed_early_is_not_recorded(
    serve: Serve, run: Run, transport_to: Transports
) -> None:
    server = serve(["request", HEAD + chunk(TOKEN), "hold"], ["request", WHOLE])
    transport = transport_to(server.url)

    async def leave() -> None:
        client = client_of(transport, server.url)
        async with client.stream("POST", CHAT, json=ASKED) as response:
            async for _ in response.aiter_bytes():
                break
        await server.played(0)
        await ask(client)

    run(leave())
    assert transport.sent == 2
    assert [bytes(recorded.exchange.body) for recorded in transport.recorded] == [TOKEN + FINISH + DONE]


def test_who_still_reads_a_response_that_is_closed_gets_its_end(
    serve: Serve, run: Run, transport_to: Transports
) -> None:
    server = serve(["request", HEAD + chunk(TOKEN), "hold"])

    async def close_beside() -> bytes:
        client = client_of(transport_to(server.url), server.url)
        async with client.stream("POST", CHAT, json=ASKED) as response:
            reading = asyncio.ensure_future(response.aread())
            await asyncio.sleep(0)
            await response.aclose()
            return await asyncio.wait_for(reading, 10)

    assert run(close_beside()) == TOKEN


def test_a_response_that_is_left_at_its_last_event_is_whole(
    serve: Serve, run: Run, transport_to: Transports
) -> None:
    server = serve(
        ["request", HEAD + chunk(TOKEN) + chunk(FINISH) + chunk(DONE), 0.05, END, "request", WHOLE]
    )
    transport = transport_to(server.url)

    async def leave() -> None:
        client = client_of(transport, server.url)
        async with client.stream("POST", CHAT, json=ASKED) as response:
            async for line in response.aiter_lines():
                if line == "data: [DONE]":
                    break
        await ask(client)

    run(leave())
    assert [read_answer(recorded.exchange).failure for recorded in transport.recorded] == ["", ""]
    assert server.connections == 1


def test_a_request_that_is_cancelled_closes_its_connection(
    serve: Serve, run: Run, transport_to: Transports
) -> None:
    server = serve(["request", "hold"])
    transport = transport_to(server.url)

    async def give_up() -> None:
        task = asyncio.ensure_future(ask(client_of(transport, server.url)))
        await server.asked()
        task.cancel()
        await asyncio.wait({task})
        await server.played(0)

    run(give_up())
    assert (transport.sent, transport.recorded) == (1, [])


# ---- failures


@pytest.mark.parametrize(
    ("script", "limits", "error", "kind"),
    [
        (["request", "hold"], {"read": 0.1}, httpx.ReadTimeout, "timeout_first_chunk"),
        (
            ["request", HEAD + chunk(TOKEN), "hold"],
            {"read": 0.1},
            httpx.ReadTimeout,
            "timeout_between_chunks",
        ),
        (["request"], {}, httpx.RemoteProtocolError, "broken"),
        (["request", HEAD + chunk(TOKEN)], {}, httpx.RemoteProtocolError, "broken"),
        (["request", b"SSH-2.0\r\n"], {}, httpx.RemoteProtocolError, "broken"),
    ],
    ids=["no-first-byte", "silence", "no-response", "cut", "not-http"],
)
def test_a_failure_is_an_error_of_httpx_and_recorded(
    script: list[Any],
    limits: dict[str, float],
    error: type[Exception],
    kind: str,
    serve: Serve,
    run: Run,
    transport_to: Transports,
) -> None:
    server = serve(script)
    transport = transport_to(server.url)
    client = client_of(transport, server.url, timeout=httpx.Timeout(10, **limits))

    with pytest.raises(error) as raised:
        run(ask(client))

    assert isinstance(raised.value, httpx.TransportError)
    assert raised.value.request.url.path == CHAT
    assert [recorded.exchange.failure for recorded in transport.recorded] == [kind]


def test_a_refused_connection(run: Run, transport_to: Transports) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    transport = transport_to(url)

    with pytest.raises(httpx.ConnectError):
        run(ask(client_of(transport, url)))

    assert [recorded.exchange.failure for recorded in transport.recorded] == ["connect"]


def test_a_connection_that_takes_too_long(serve: Serve, run: Run, transport_to: Transports) -> None:
    server = serve(["hold"])
    url = server.url.replace("http:", "https:")
    transport = transport_to(url)

    with pytest.raises(httpx.ConnectTimeout):
        run(ask(client_of(transport, url, timeout=httpx.Timeout(10, connect=0.1))))

    assert [recorded.exchange.failure for recorded in transport.recorded] == ["timeout_connect"]


def test_without_limits_nothing_times_out(serve: Serve, run: Run, transport_to: Transports) -> None:
    server = serve(["request", 0.05, WHOLE])

    response = run(ask(client_of(transport_to(server.url), server.url, timeout=None)))

    assert response.content == TOKEN + FINISH + DONE


# ---- what is not measured


def test_other_requests_pass_through(serve: Serve, run: Run, transport_to: Transports) -> None:
    models = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    server = serve(["read", models, "hold"], ["request", models, "hold"])
    transport = transport_to(server.url)

    async def ask_others() -> list[Any]:
        client = client_of(transport, server.url)
        return [
            (await client.get("/v1/models")).json(),
            (await client.post("/v1/embeddings", json={"stream": True})).json(),
        ]

    assert run(ask_others()) == [{}, {}]
    assert (transport.sent, transport.not_streamed, transport.recorded) == (0, 0, [])


@pytest.mark.parametrize("body", [b'{"messages": []}', b'{"stream": false}', b'{"stream": 1}', b"[]", b"{"])
def test_a_chat_completion_that_is_not_streamed_passes_through_and_is_counted(
    body: bytes, serve: Serve, run: Run, transport_to: Transports
) -> None:
    server = serve(["request", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "hold"])
    transport = transport_to(server.url)

    response = run(ask(client_of(transport, server.url), json=None, content=body))

    assert response.json() == {}
    assert (transport.sent, transport.not_streamed, transport.recorded) == (0, 1, [])


def test_another_server_is_not_asked(serve: Serve, run: Run, transport_to: Transports) -> None:
    transport = transport_to(serve().url, api_key="key")

    with pytest.raises(CaseError, match=r"npuperf_client was asked for https://elsewhere\.example/v1/chat"):
        run(ask(client_of(transport, "https://elsewhere.example")))

    assert transport.sent == 0
