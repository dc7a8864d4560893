from __future__ import annotations

import asyncio
import socket
import sys
import time
from array import array
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_npuperf.wire import failures
from pytest_npuperf.wire.chat import read_answer
from pytest_npuperf.wire.connection import Connection
from pytest_npuperf.wire.endpoint import Endpoint
from pytest_npuperf.wire.exchange import Exchange
from pytest_npuperf.wire.http import RequestWriter
from pytest_npuperf.wire.timeouts import Timeouts

Serve = Callable[..., Any]
Run = Callable[[Coroutine[Any, Any, Any]], Any]

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def sized(body: bytes, *, status: bytes = b"200 OK", headers: bytes = b"") -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n%b\r\n%b" % (status, len(body), headers, body)


@contextmanager
def connected(endpoint: Endpoint, **limits: float) -> Iterator[Connection]:
    # shorter than the server waits: what should not hang fails
    connection = Connection(endpoint, Timeouts(**{"first_chunk": 10.0, "between_chunks": 10.0, **limits}))
    try:
        yield connection
    finally:
        connection.close()


def request(endpoint: Endpoint, body: bytes = b"{}", number: int = 0) -> bytes:
    return RequestWriter(endpoint).request(body, f"r-{number}")


async def exchange_once(endpoint: Endpoint, **limits: float) -> Exchange:
    with connected(endpoint, **limits) as connection:
        return await connection.exchange(request(endpoint))


async def exchange_in_turn(server: Any, count: int) -> list[Exchange]:
    with connected(server.endpoint) as connection:
        return [await connection.exchange(request(server.endpoint, number=i)) for i in range(count)]


def outcome(exchange: Exchange) -> tuple[int, bytes, str]:
    return exchange.status, bytes(exchange.body), exchange.failure


# ---- framing


@pytest.mark.parametrize(
    "response",
    [
        HEAD + chunk(b"data: a\n\n") + chunk(b"data: b\n\n") + END,
        sized(b"data: a\n\ndata: b\n\n"),
        b"HTTP/1.1 200 OK\r\n\r\ndata: a\n\ndata: b\n\n",
        b"HTTP/1.0 200 OK\r\n\r\ndata: a\n\ndata: b\n\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + sized(b"data: a\n\ndata: b\n\n"),
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + sized(b"data: a\n\ndata: b\n\n"),
    ],
    ids=["chunked", "content-length", "until-eof", "http-1.0", "100-continue", "two-interim-responses"],
)
@pytest.mark.parametrize("at_once", [True, False], ids=["one-piece", "byte-by-byte"])
def test_a_response_in_any_framing_is_taken_in_whole(
    response: bytes, at_once: bool, serve: Serve, run: Run
) -> None:
    pieces = [response] if at_once else [bytes([byte]) for byte in response]
    server = serve(["request", *pieces])

    exchange = run(exchange_once(server.endpoint))

    assert outcome(exchange) == (200, b"data: a\n\ndata: b\n\n", "")
    assert exchange.read_ends[-1] == len(exchange.body)


def test_the_request_arrives_as_it_was_written(serve: Serve, run: Run) -> None:
    server = serve(["request", sized(b"x")])

    run(exchange_once(server.endpoint))

    assert server.requests == [request(server.endpoint)]


def test_a_response_without_body_is_whole_at_its_head(serve: Serve, run: Run) -> None:
    server = serve(["request", b"HTTP/1.1 204 No Content\r\n\r\n", "hold"])

    exchange = run(exchange_once(server.endpoint))

    assert outcome(exchange) == (204, b"", "")
    assert exchange.t_end > exchange.t_sent
    assert not exchange.read_ends


def test_an_error_response_is_no_failure_of_the_connection(serve: Serve, run: Run) -> None:
    server = serve(["request", sized(b"no such model", status=b"404 Not Found"), "request", sized(b"ok")])

    first, second = run(exchange_in_turn(server, 2))

    assert outcome(first) == (404, b"no such model", "")
    assert outcome(second) == (200, b"ok", "")
    assert server.connections == 1


def test_reads_without_body_are_not_listed(serve: Serve, run: Run) -> None:
    server = serve(["request", HEAD, 0.2, chunk(b"data: a\n\n"), 0.2, END])

    exchange = run(exchange_once(server.endpoint))

    assert exchange.read_ends.tolist() == [len(b"data: a\n\n")]
    assert exchange.t_end > exchange.read_stamps[0]


# ---- keeping the connection


def test_a_connection_carries_one_exchange_after_the_other(serve: Serve, run: Run) -> None:
    server = serve(
        ["request", HEAD + chunk(b"a") + END, "request", sized(b"b"), "request", sized(b"c"), "hold"]
    )

    exchanges = run(exchange_in_turn(server, 3))

    assert [bytes(exchange.body) for exchange in exchanges] == [b"a", b"b", b"c"]
    assert [exchange.retries for exchange in exchanges] == [0, 0, 0]
    assert exchanges[0].connect_ns > 0
    assert [exchange.connect_ns for exchange in exchanges[1:]] == [0, 0]
    assert server.connections == 1
    assert [b"r-%d" % i in head for i, head in enumerate(server.requests)] == [True] * 3


def test_a_connection_opened_ahead_is_used(serve: Serve, run: Run) -> None:
    server = serve(["request", sized(b"a"), "hold"])

    async def ahead() -> Exchange:
        with connected(server.endpoint) as connection:
            await connection.open()
            return await connection.exchange(request(server.endpoint))

    exchange = run(ahead())

    assert (bytes(exchange.body), exchange.connect_ns, server.connections) == (b"a", 0, 1)


@pytest.mark.parametrize(
    "response",
    [
        sized(b"a", headers=b"Connection: close\r\n"),
        b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na",
    ],
    ids=["connection-close", "http-1.0"],
)
def test_a_connection_that_the_server_wants_closed_is_not_used_again(
    response: bytes, serve: Serve, run: Run
) -> None:
    server = serve(["request", response, "hold"], ["request", sized(b"b")])

    first, second = run(exchange_in_turn(server, 2))

    assert (bytes(first.body), bytes(second.body), second.retries) == (b"a", b"b", 0)
    assert second.connect_ns > 0


def test_a_connection_closed_between_requests_is_replaced(serve: Serve, run: Run) -> None:
    server = serve(["request", sized(b"a")], ["request", sized(b"b")])

    async def with_a_pause() -> list[Exchange]:
        with connected(server.endpoint) as connection:
            first = await connection.exchange(request(server.endpoint))
            await server.played(0)
            await asyncio.sleep(0.05)  # the loop looks at its sockets
            return [first, await connection.exchange(request(server.endpoint))]

    first, second = run(with_a_pause())

    assert [outcome(exchange) for exchange in (first, second)] == [(200, b"a", ""), (200, b"b", "")]
    assert (second.retries, second.connect_ns > 0) == (0, True)


def test_bytes_that_nobody_asked_for_close_an_idle_connection(serve: Serve, run: Run) -> None:
    server = serve(
        ["request", sized(b"a"), 0.05, b"HTTP/1.1 408 Request Timeout\r\n\r\n", "hold"],
        ["request", sized(b"b")],
    )

    async def with_a_pause() -> Exchange:
        with connected(server.endpoint) as connection:
            await connection.exchange(request(server.endpoint))
            await server.played(0)  # "hold" ends when the client has closed
            return await connection.exchange(request(server.endpoint))

    assert outcome(run(with_a_pause())) == (200, b"b", "")


@pytest.mark.parametrize("end", [[], ["reset"]], ids=["closed", "reset"])
def test_a_request_that_meets_a_closed_connection_is_sent_again(
    end: list[str], serve: Serve, run: Run
) -> None:
    server = serve(["request", sized(b"a"), "request", 0.1, *end], ["request", sized(b"b")])

    first, second = run(exchange_in_turn(server, 2))

    assert outcome(first) == (200, b"a", "")
    assert outcome(second) == (200, b"b", "")
    assert second.retries == 1
    assert second.connect_ns > 0
    assert second.t_sent - first.t_end > 100_000_000, "t_sent is that of the request that was answered"
    assert server.requests[1] == server.requests[2]


def test_a_request_on_a_fresh_connection_is_not_sent_again(serve: Serve, run: Run) -> None:
    server = serve(["request"], ["request", sized(b"b")])

    exchange = run(exchange_once(server.endpoint))

    assert outcome(exchange) == (-1, b"", failures.BROKEN)
    assert exchange.failure_text == "the server closed the connection"
    assert server.connections == 1


def test_a_request_whose_response_had_begun_is_not_sent_again(serve: Serve, run: Run) -> None:
    server = serve(["request", sized(b"a"), "request", b"HTTP/1.1 "], ["request", sized(b"b")])

    second = run(exchange_in_turn(server, 2))[1]

    assert (second.failure, second.retries) == (failures.BROKEN, 0)


def test_a_connection_reset_before_the_loop_looked_at_it_is_replaced(serve: Serve, run: Run) -> None:
    server = serve(["wait", "reset"], ["request", sized(b"b")])

    async def opened_ahead() -> Exchange:
        with connected(server.endpoint) as connection:
            await connection.open()
            server.go.set()
            time.sleep(0.1)  # noqa: ASYNC251 (the loop must not see the reset before the request is sent)
            return await connection.exchange(request(server.endpoint))

    exchange = run(opened_ahead())

    assert outcome(exchange) == (200, b"b", "")
    assert exchange.retries == 1


# ---- broken responses


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ([HEAD + chunk(b"data: a\n\n")], "the server closed the connection"),
        ([HEAD + b"9\r\ndata:"], "the server closed the connection"),
        ([sized(b"data: a\n\n")[:-1]], "the server closed the connection"),
        ([HEAD + chunk(b"data: a\n\n"), 0.1, "reset"], "[Errno 104] Connection reset by peer"),
        ([b"HTTP/1.1 100 Continue\r\n\r\n"], "the server closed the connection"),
        ([b"HTTP/1.1 200 OK\r\nContent-Type: te"], "the server closed the connection"),
        ([b"SSH-2.0-OpenSSH_9.2\r\n"], "not an HTTP/1.1 response: Expected HTTP/"),
        ([HEAD + chunk(b"data: a\n\n") + b"zz\r\n"], "not an HTTP/1.1 response: Invalid character"),
    ],
    ids=[
        *("no last chunk", "half a chunk", "short body", "reset", "only 100", "half a head", "not HTTP"),
        "bad chunk size",
    ],
)
def test_a_response_that_does_not_end_in_order_is_broken(
    script: list[bytes | float | str], text: str, serve: Serve, run: Run
) -> None:
    server = serve(["request", *script])

    exchange = run(exchange_once(server.endpoint))

    assert exchange.failure == failures.BROKEN
    assert exchange.failure_text.startswith(text)
    assert exchange.t_end > exchange.t_sent


def test_what_came_before_a_break_is_kept_with_its_stamps(serve: Serve, run: Run) -> None:
    content = b'data: {"choices": [{"delta": {"content": "a"}}]}\n\n'
    server = serve(["request", HEAD + chunk(content) + b"zz\r\n"])

    exchange = run(exchange_once(server.endpoint))

    assert bytes(exchange.body) == content
    assert len(read_answer(exchange).chunk_stamps) == 1


def test_bytes_after_a_whole_response_only_cost_the_connection(serve: Serve, run: Run) -> None:
    server = serve(["request", sized(b"a") + b"surplus", "hold"], ["request", sized(b"b")])

    exchanges = run(exchange_in_turn(server, 2))

    assert [outcome(exchange) for exchange in exchanges] == [(200, b"a", ""), (200, b"b", "")]
    assert exchanges[1].retries == 0


def test_a_refused_connection_is_a_failure_to_connect(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        endpoint = Endpoint.resolve(f"http://127.0.0.1:{closed.getsockname()[1]}")

    exchange = run(exchange_once(endpoint))

    assert exchange.failure == failures.CONNECT
    assert "refused" in exchange.failure_text or "Connect call failed" in exchange.failure_text
    assert 0 < exchange.t_sent <= exchange.t_end


def test_a_connection_that_cannot_be_opened_ahead_fails_at_its_request(serve: Serve, run: Run) -> None:
    server = serve(["request", sized(b"a")])
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nowhere = replace(server.endpoint, address=closed.getsockname())

    async def ahead() -> Exchange:
        with connected(nowhere) as connection:
            await connection.open()
            return await connection.exchange(request(nowhere))

    assert run(ahead()).failure == failures.CONNECT


# ---- limits


@contextmanager
def full_listener() -> Iterator[Endpoint]:
    """A listening socket that takes no more connections."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = listener.getsockname()
        waiting = []
        try:
            for _ in range(4):
                waiting.append(socket.socket())
                waiting[-1].setblocking(False)
                waiting[-1].connect_ex(address)
            yield Endpoint("localhost", "localhost", "/", socket.AF_INET, address, None)
        finally:
            for sock in waiting:
                sock.close()


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels refuse where Linux lets wait")
def test_connecting_is_limited(run: Run) -> None:
    with full_listener() as endpoint:
        exchange = run(exchange_once(endpoint, connect=0.1))

    assert exchange.failure == failures.TIMEOUT_CONNECT
    assert exchange.failure_text == "no connection within 0.1 s"
    assert exchange.t_end - exchange.t_sent > 90_000_000


@pytest.mark.parametrize(
    ("script", "limits", "kind", "text"),
    [
        (
            ["hold"],
            {"first_chunk": 0.1},
            failures.TIMEOUT_FIRST_CHUNK,
            "nothing within 0.1 s of the request",
        ),
        (
            [HEAD + chunk(b"a"), "hold"],
            {"first_chunk": 600.0, "between_chunks": 0.1},
            failures.TIMEOUT_BETWEEN_CHUNKS,
            "nothing for 0.1 s",
        ),
        (
            [HEAD, *[chunk(b"a"), 0.02] * 50, "hold"],
            {"total": 0.2, "between_chunks": 30.0},
            failures.TIMEOUT_TOTAL,
            "not finished after 0.2 s",
        ),
    ],
    ids=["first_chunk", "between_chunks", "total"],
)
def test_a_request_that_takes_too_long_is_given_up(
    script: list[Any], limits: dict[str, float], kind: str, text: str, serve: Serve, run: Run
) -> None:
    server = serve(["request", *script])

    exchange = run(exchange_once(server.endpoint, **limits))

    assert (exchange.failure, exchange.failure_text) == (kind, text)
    limit = min(limits.values())
    assert exchange.t_end - exchange.t_sent >= limit * 1e9


def test_a_request_given_up_closes_its_connection_and_the_next_gets_a_new_one(serve: Serve, run: Run) -> None:
    server = serve(["request", "hold"], ["request", sized(b"b"), "hold"])

    async def two() -> tuple[Exchange, Exchange]:
        with connected(server.endpoint, first_chunk=0.2) as connection:
            first = await connection.exchange(request(server.endpoint))
            await server.played(0)  # "hold" ends when the client has closed
            return first, await connection.exchange(request(server.endpoint))

    first, second = run(two())

    assert first.failure == failures.TIMEOUT_FIRST_CHUNK
    assert outcome(second) == (200, b"b", "")


def test_a_slow_stream_within_its_limits_is_not_given_up(serve: Serve, run: Run) -> None:
    server = serve(["request", HEAD, *[chunk(b"a"), 0.15] * 7, END])

    exchange = run(exchange_once(server.endpoint, first_chunk=0.9, between_chunks=0.9))

    assert outcome(exchange) == (200, b"a" * 7, "")


# ---- large requests


def test_a_large_request_is_sent_on_while_the_loop_stays_free(serve: Serve, run: Run) -> None:
    body = bytes(range(256)) * (8 << 12)
    server = serve(["wait", "slow request", sized(b"a"), "request", sized(b"b")])

    async def large_then_small() -> list[Exchange]:
        with connected(server.endpoint) as connection:
            large = asyncio.ensure_future(connection.exchange(request(server.endpoint, body)))
            await asyncio.sleep(0.05)  # the kernel's buffers are full, and the server does not read yet
            server.go.set()
            return [await large, await connection.exchange(request(server.endpoint))]

    exchanges = run(large_then_small())

    assert [outcome(exchange) for exchange in exchanges] == [(200, b"a", ""), (200, b"b", "")]
    assert server.requests[0] == request(server.endpoint, body)


def test_an_answer_before_the_request_was_sent_whole_is_taken(serve: Serve, run: Run) -> None:
    refusal = sized(b"too large", status=b"413 Content Too Large")
    server = serve([refusal, "wait"], ["request", sized(b"b")])

    async def refused_then_small() -> tuple[Exchange, Exchange]:
        with connected(server.endpoint) as connection:
            first = await connection.exchange(request(server.endpoint, b"x" * (16 << 20)))
            return first, await connection.exchange(request(server.endpoint))

    first, second = run(refused_then_small())

    assert outcome(first) == (413, b"too large", "")
    assert outcome(second) == (200, b"b", "")
    assert second.retries == 0, "a connection with half a request on it is not used again"


def test_an_answer_is_read_although_the_server_left_before_the_request_was_sent(
    serve: Serve, run: Run
) -> None:
    server = serve([sized(b"too large", status=b"413 Content Too Large")])

    async def sent_after_it_left() -> Exchange:
        with connected(server.endpoint) as connection:
            task = asyncio.ensure_future(connection.exchange(request(server.endpoint, b"x" * (16 << 20))))
            await server.played(0)
            return await task

    assert outcome(run(sent_after_it_left())) == (413, b"too large", "")


# ---- cancelling


def test_cancelling_closes_the_connection(serve: Serve, run: Run) -> None:
    server = serve(["request", HEAD, "hold"])

    async def cancelled() -> None:
        connection = Connection(server.endpoint, Timeouts())
        task = asyncio.ensure_future(connection.exchange(request(server.endpoint)))
        await server.asked()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.played(0)  # "hold" ends when the client has closed

    run(cancelled())


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels refuse where Linux lets wait")
def test_cancelling_while_connecting_closes_the_socket(run: Run) -> None:
    async def cancelled(endpoint: Endpoint) -> None:
        connection = Connection(endpoint, Timeouts())
        task = asyncio.ensure_future(connection.open())
        await asyncio.sleep(0.05)
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with full_listener() as endpoint:
        run(cancelled(endpoint))  # an unclosed socket would be a ResourceWarning, here an error


# ---- stamps


def test_stamps_are_in_order_and_between_sending_and_seeing(serve: Serve, run: Run) -> None:
    server = serve(["request", HEAD, *[chunk(b"data: a\n\n"), 0.005] * 20, END, "hold"])

    exchange = run(exchange_once(server.endpoint))
    done = time.monotonic_ns()

    stamps = exchange.read_stamps.tolist()
    assert len(stamps) > 1
    assert stamps == sorted(stamps)
    assert exchange.t_sent <= stamps[0]
    assert stamps[-1] <= exchange.t_end <= done


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux stamps what it receives")
def test_every_read_has_the_kernels_stamp(serve: Serve, run: Run) -> None:
    script = ["request", HEAD, *[chunk(b"data: a\n\n"), 0.005] * 20, END]
    server = serve(script * 2)

    exchanges = run(exchange_in_turn(server, 2))

    # the kernel begins to stamp a little after it was asked to
    assert exchanges[0].unstamped_reads <= 1
    assert exchanges[1].unstamped_reads == 0
    assert min(exchanges[1].read_lags) >= 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux stamps what it receives")
def test_a_busy_program_shows_in_the_lag_not_in_the_stamps(serve: Serve, run: Run) -> None:
    server = serve(
        ["request", HEAD, "wait", 0.05, chunk(b"data: a\n\n"), 0.05, chunk(b"data: b\n\n") + END, "hold"]
    )

    async def hold_the_loop_up() -> tuple[Exchange, int]:
        with connected(server.endpoint) as connection:
            task = asyncio.ensure_future(connection.exchange(request(server.endpoint)))
            await server.asked()
            await asyncio.sleep(0.05)
            server.go.set()
            time.sleep(0.5)  # noqa: ASYNC251
            busy_until = time.monotonic_ns()
            return await task, busy_until

    exchange, busy_until = run(hold_the_loop_up())

    assert bytes(exchange.body) == b"data: a\n\ndata: b\n\n"
    assert exchange.read_stamps[-1] < busy_until
    assert exchange.read_lags[-1] > 0
    assert exchange.read_stamps[-1] + exchange.read_lags[-1] > busy_until
    assert exchange.t_end == exchange.read_stamps[-1]


@pytest.mark.parametrize("name", ["vllm.sse", "llamaserver.unicode.sse", "transformers.sse"])
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_stream_cut_anywhere_gives_the_same_answer(
    name: str, data: st.DataObject, capture: Callable[[str], bytes], serve: Serve, run: Run
) -> None:
    head = capture("vllm.hdr").replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    body = capture(name)
    response = head + b"".join(chunk(event + b"\n\n") for event in body.split(b"\n\n")[:-1]) + END
    cuts = sorted(data.draw(st.sets(st.integers(1, len(response) - 1), max_size=40)))
    pieces = [response[a:b] for a, b in zip([0, *cuts], [*cuts, len(response)], strict=True)]
    server = serve(["request", *pieces])

    exchange = run(exchange_once(server.endpoint))

    answer = read_answer(exchange)
    whole = read_answer(_received_at_once(body))
    assert bytes(exchange.body) == body
    assert (answer.failure, answer.text, answer.output_tokens, answer.finish_reason) == (
        whole.failure,
        whole.text,
        whole.output_tokens,
        whole.finish_reason,
    )
    assert len(answer.chunk_stamps) == len(whole.chunk_stamps)
    assert set(answer.chunk_stamps) <= set(exchange.read_stamps)
    assert answer.chunk_stamps.tolist() == sorted(answer.chunk_stamps)


def _received_at_once(body: bytes) -> Exchange:
    n = len(body)
    return Exchange(t_sent=0, t_end=1, status=200, body=bytearray(body), reads=array("q", [n, n, n, 1]))
