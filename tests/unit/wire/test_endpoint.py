from __future__ import annotations

import re
import socket
import ssl
from typing import Any

import pytest

from pytest_npuperf.errors import LoadError, SettingsError
from pytest_npuperf.wire.endpoint import Endpoint, normal_base_url, split_base_url


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("http://127.0.0.1:8000", ("http", "127.0.0.1", 8000, "")),
        ("http://127.0.0.1:8000/", ("http", "127.0.0.1", 8000, "")),
        ("http://host", ("http", "host", 80, "")),
        ("https://host", ("https", "host", 443, "")),
        ("https://host:8443", ("https", "host", 8443, "")),
        ("http://host:8000/v1", ("http", "host", 8000, "")),
        ("http://host:8000/v1/", ("http", "host", 8000, "")),
        ("http://host/serving/llm", ("http", "host", 80, "/serving/llm")),
        ("http://host/serving/v1/", ("http", "host", 80, "/serving")),
        ("http://host/api1/v10", ("http", "host", 80, "/api1/v10")),
        ("http://[::1]:8000", ("http", "::1", 8000, "")),
        ("http://[fd00::2]/x", ("http", "fd00::2", 80, "/x")),
        ("HTTP://Host:1", ("http", "host", 1, "")),
    ],
)
def test_a_base_url_is_taken_apart(url: str, parts: tuple[str, str, int, str]) -> None:
    assert split_base_url(url) == parts


def test_a_user_in_a_base_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(SettingsError, match=r"user or password.*NPUPERF_API_KEY") as caught:
        split_base_url("https://me:secret@host:8000")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8000", "host", "ftp://host", "http://", "", "unix:///run/x", "http://host?x=1"]
)
def test_what_is_no_http_url_is_refused(url: str) -> None:
    expected = f"the base URL {url!r} is not valid: it must look like http://host:port or https://host/prefix"

    with pytest.raises(SettingsError, match=f"^{re.escape(expected)} "):
        split_base_url(url)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://host:99999", "Port out of range"),
        ("http://host:x", "Port could not"),
        ("http://[::1", "IPv6"),
    ],
)
def test_a_url_that_cannot_be_taken_apart_is_refused_with_the_reason(url: str, reason: str) -> None:
    expected = rf"^the base URL {re.escape(repr(url))} is not valid: .*{reason}"

    with pytest.raises(SettingsError, match=expected):
        split_base_url(url)


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("http://host:8000", "http://host:8000"),
        ("http://host:8000/", "http://host:8000"),
        ("http://host:8000/v1/", "http://host:8000"),
        ("https://host/prefix/v1", "https://host/prefix"),
        ("http://host:8000/v1/chat/completions", "http://host:8000"),
    ],
)
def test_a_base_url_may_hold_what_people_copy_along(given: str, normal: str) -> None:
    assert normal_base_url(given) == normal


def test_an_ipv4_endpoint() -> None:
    endpoint = Endpoint.resolve("http://127.0.0.1:8000/prefix/v1")

    assert endpoint == Endpoint(
        host="127.0.0.1:8000",
        server_name="127.0.0.1",
        path="/prefix/v1/chat/completions",
        family=socket.AF_INET,
        address=("127.0.0.1", 8000),
        tls=None,
    )


def test_an_ipv6_endpoint_has_brackets_in_its_host_header_only() -> None:
    endpoint = Endpoint.resolve("http://[::1]:8000")

    assert (endpoint.host, endpoint.server_name) == ("[::1]:8000", "::1")
    assert endpoint.family == socket.AF_INET6
    assert endpoint.address[:2] == ("::1", 8000)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://127.0.0.1", "127.0.0.1"),
        ("http://127.0.0.1:80", "127.0.0.1"),
        ("https://127.0.0.1:443", "127.0.0.1"),
        ("http://127.0.0.1:443", "127.0.0.1:443"),
        ("http://[::1]", "[::1]"),
    ],
)
def test_the_default_port_is_left_out_of_the_host_header(url: str, host: str) -> None:
    assert Endpoint.resolve(url).host == host


def test_https_verifies_certificate_and_host_name() -> None:
    tls = Endpoint.resolve("https://127.0.0.1").tls

    assert tls is not None
    assert (tls.verify_mode, tls.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize("name", ["a" * 64 + ".example", "no..name"])
def test_a_host_name_that_cannot_be_resolved_is_an_error(name: str) -> None:
    url = f"http://{name}:8000"

    with pytest.raises(
        LoadError,
        match=rf"^cannot resolve the host of {re.escape(url)}: .+; check --npuperf-base-url$",
    ):
        Endpoint.resolve(url)


def test_an_error_of_the_resolver_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    with pytest.raises(
        LoadError, match=r"^cannot resolve the host of http://nowhere: .*Name or service not known"
    ):
        Endpoint.resolve("http://nowhere")


@pytest.fixture
def localhost(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with two addresses, as localhost often has."""

    def resolve(_host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, ("127.0.0.2", port)), (*kind, ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


@pytest.mark.usefixtures("localhost")
def test_of_several_addresses_the_one_that_takes_connections_is_used() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        assert Endpoint.resolve(f"http://both:{port}").address == ("127.0.0.1", port)


@pytest.mark.usefixtures("localhost")
def test_of_several_addresses_without_a_server_the_first_is_used() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    assert Endpoint.resolve(f"http://both:{port}").address == ("127.0.0.2", port)
