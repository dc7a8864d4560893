from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_npuperf.errors import SettingsError
from pytest_npuperf.wire import failures
from pytest_npuperf.wire.connection import Connection
from pytest_npuperf.wire.endpoint import Endpoint
from pytest_npuperf.wire.exchange import Exchange
from pytest_npuperf.wire.http import RequestWriter
from pytest_npuperf.wire.timeouts import Timeouts
from pytest_npuperf.wire.tls import client_context
from pytest_npuperf.wire.tls_settings import TlsSettings

Serve = Callable[..., Any]
Run = Callable[[Coroutine[Any, Any, Any]], Any]

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
EVENT = b"data: a\n\n"
CHUNK = b"9\r\n" + EVENT + b"\r\n"
END = b"0\r\n\r\n"


async def exchanges(
    endpoint: Endpoint, bodies: list[bytes], *, pause: float = 0, limits: Timeouts | None = None
) -> list[Exchange]:
    """Sends the bodies in turn on a connection opened ahead, each after a pause."""
    connection = Connection(endpoint, limits or Timeouts(first_chunk=10.0, between_chunks=10.0))
    writer = RequestWriter(endpoint)
    try:
        await connection.open()
        answers = []
        for body in bodies:
            await asyncio.sleep(pause)
            answers.append(await connection.exchange(writer.request(body, "r")))
        return answers
    finally:
        connection.close()


def test_exchanges_go_over_tls(serve: Serve, run: Run) -> None:
    server = serve(
        ["request", HEAD, CHUNK, 0.01, CHUNK, END, "request", HEAD + CHUNK + END, "hold"], tls=True
    )

    first, second = run(exchanges(server.endpoint, [b"1", b"2"]))

    assert (bytes(first.body), first.failure) == (EVENT * 2, "")
    assert (bytes(second.body), second.failure) == (EVENT, "")
    assert [data[-1:] for data in server.requests] == [b"1", b"2"]


def test_session_tickets_do_not_cost_the_connection_that_was_opened_ahead(serve: Serve, run: Run) -> None:
    """TLS 1.3 sends them right after the handshake, when no request is under way."""
    server = serve(["request", HEAD + CHUNK + END, "hold"], tls=True)

    (exchange,) = run(exchanges(server.endpoint, [b"{}"], pause=0.05))

    assert (exchange.failure, exchange.retries, exchange.connect_ns) == ("", 0, 0)
    assert server.connections == 1


def test_session_tickets_are_no_part_of_the_response(serve: Serve, run: Run) -> None:
    server = serve(["request", "hold"], tls=True)

    (exchange,) = run(exchanges(server.endpoint, [b"{}"], limits=Timeouts(first_chunk=0.2)))

    assert exchange.failure == failures.TIMEOUT_FIRST_CHUNK


def test_a_record_of_several_reads_is_stamped_when_it_is_whole(serve: Serve, run: Run) -> None:
    body = b"x" * 16_000
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 16000\r\n\r\n"
    server = serve(["request", head, body, "hold"], tls=True)

    (exchange,) = run(exchanges(server.endpoint, [b"{}"]))

    assert bytes(exchange.body) == body
    assert exchange.read_ends.tolist() == [16_000]
    assert exchange.t_sent < exchange.read_stamps[0] <= exchange.t_end <= time.monotonic_ns()


def test_a_large_request_goes_over_tls(serve: Serve, run: Run) -> None:
    body = bytes(range(256)) * (4 << 12)
    server = serve(["request", HEAD + CHUNK + END, "hold"], tls=True)

    (exchange,) = run(exchanges(server.endpoint, [body]))

    assert exchange.failure == ""
    assert server.requests[0].endswith(b"\r\n\r\n" + body)


def test_a_body_without_length_ends_with_tls(serve: Serve, run: Run) -> None:
    server = serve(["request", b"HTTP/1.1 200 OK\r\n\r\n" + EVENT, "end of tls", "hold"], tls=True)

    (exchange,) = run(exchanges(server.endpoint, [b"{}"]))

    assert (bytes(exchange.body), exchange.failure) == (EVENT, "")


def test_a_connection_whose_tls_has_ended_is_replaced_although_its_socket_is_open(
    serve: Serve, run: Run
) -> None:
    server = serve(
        ["request", HEAD + CHUNK + END, "end of tls", "hold"], ["request", HEAD + CHUNK + END], tls=True
    )

    first, second = run(exchanges(server.endpoint, [b"1", b"2"], pause=0.05))

    assert (first.failure, second.failure, second.retries) == ("", "", 0)
    assert server.connections == 2


def test_records_that_are_not_valid_break_the_exchange(serve: Serve, run: Run) -> None:
    server = serve(["request", HEAD + CHUNK, "plain", b"not a record at all", "hold"], tls=True)

    (exchange,) = run(exchanges(server.endpoint, [b"{}"]))

    assert (bytes(exchange.body), exchange.failure) == (EVENT, failures.BROKEN)
    assert exchange.failure_text.startswith("TLS broke: ")


def test_a_certificate_that_is_not_trusted_is_a_failure_to_connect(serve: Serve, run: Run) -> None:
    server = serve([], [], tls=True)
    untrusting = replace(server.endpoint, tls=ssl.create_default_context())

    (exchange,) = run(exchanges(untrusting, [b"{}"]))

    assert exchange.failure == failures.CONNECT
    assert "certificate verify failed" in exchange.failure_text


def test_a_certificate_for_another_name_is_a_failure_to_connect(serve: Serve, run: Run) -> None:
    server = serve([], [], tls=True)

    (exchange,) = run(exchanges(replace(server.endpoint, server_name="example.org"), [b"{}"]))

    assert exchange.failure == failures.CONNECT
    assert "example.org" in exchange.failure_text


@pytest.mark.parametrize(
    ("script", "kind", "text"),
    [
        (["read"], failures.CONNECT, "the server closed the connection during TLS"),
        (["hold"], failures.TIMEOUT_CONNECT, "no connection within 0.2 s"),
        ([b"HTTP/1.1 400 Bad Request\r\n\r\n", "hold"], failures.CONNECT, "SSL"),
    ],
    ids=["closes", "silent", "plain HTTP"],
)
def test_a_server_without_tls_is_a_failure_to_connect(
    script: list[Any], kind: str, text: str, serve: Serve, run: Run
) -> None:
    server = serve(script, script)
    endpoint = replace(server.endpoint, tls=ssl.create_default_context())

    (exchange,) = run(exchanges(endpoint, [b"{}"], limits=Timeouts(connect=0.2)))

    assert exchange.failure == kind
    assert text in exchange.failure_text


def test_a_file_of_authorities_is_trusted(serve: Serve, run: Run, certificate: Path) -> None:
    server = serve(["request", HEAD + CHUNK + END], tls=True)
    tls = client_context(TlsSettings(ca_file=str(certificate)))

    (exchange,) = run(exchanges(replace(server.endpoint, tls=tls), [b"{}"]))

    assert (bytes(exchange.body), exchange.failure) == (EVENT, "")


def test_insecure_takes_any_certificate_for_any_name(serve: Serve, run: Run) -> None:
    server = serve(["request", HEAD + CHUNK + END], tls=True)
    tls = client_context(TlsSettings(insecure=True))

    (exchange,) = run(exchanges(replace(server.endpoint, server_name="example.org", tls=tls), [b"{}"]))

    assert (bytes(exchange.body), exchange.failure) == (EVENT, "")


@pytest.mark.parametrize("content", [None, "no certificate"], ids=["missing", "no certificate"])
def test_a_file_without_authorities_is_an_error(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)

    with pytest.raises(
        SettingsError,
        match=rf"^--npuperf-ca-file: {re.escape(repr(str(path)))} cannot be used: .+; "
        "it must be a PEM file with the certificates of authorities$",
    ):
        client_context(TlsSettings(ca_file=str(path)))
