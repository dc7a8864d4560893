from __future__ import annotations

import pytest

from pytest_npuperf.wire.endpoint import Endpoint
from pytest_npuperf.wire.http import RequestWriter


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint.resolve("http://[::1]:8000/serving")


def test_a_request_is_whole_and_asks_for_an_uncompressed_stream(endpoint: Endpoint) -> None:
    body = '{"content": "é"}'.encode()

    head, _, sent = RequestWriter(endpoint).request(body, "run-7").partition(b"\r\n\r\n")

    assert sent == body
    assert head.decode().split("\r\n") == [
        "POST /serving/v1/chat/completions HTTP/1.1",
        "Host: [::1]:8000",
        "Content-Type: application/json",
        "Accept: text/event-stream",
        "Accept-Encoding: identity",
        "User-Agent: pytest-npuperf",
        "x-request-id: run-7",
        "Content-Length: 17",
    ]


@pytest.mark.parametrize("key", [None, ""])
def test_without_an_api_key_there_is_no_authorization(endpoint: Endpoint, key: str | None) -> None:
    assert b"Authorization" not in RequestWriter(endpoint, api_key=key).request(b"{}", "r")


def test_an_api_key_is_sent_as_a_bearer_token(endpoint: Endpoint) -> None:
    request = RequestWriter(endpoint, api_key="sk-1").request(b"{}", "r")

    assert b"\r\nAuthorization: Bearer sk-1\r\n" in request


def test_one_writer_writes_many_requests(endpoint: Endpoint) -> None:
    writer = RequestWriter(endpoint)

    first, second = (writer.request(body, name) for body, name in ((b"{}", "r-0"), (b"[1]", "r-1")))

    assert first.endswith(b"x-request-id: r-0\r\nContent-Length: 2\r\n\r\n{}")
    assert second.endswith(b"x-request-id: r-1\r\nContent-Length: 3\r\n\r\n[1]")
