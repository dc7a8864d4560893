from __future__ import annotations

import os
import socket
from threading import Timer

import psutil
import pytest

from pytest_npuperf.adapter.port import check_free, is_free, wait_until_free
from pytest_npuperf.errors import DeployError


def test_a_port_without_listener_is_free(port: int) -> None:
    assert is_free(port)
    check_free(port)


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "::1", "::"])
def test_a_listener_on_any_address_takes_the_port(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as server:
        assert not is_free(server.getsockname()[1])


def test_a_connection_that_was_closed_does_not_take_the_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            # The side that closes first keeps the port in TIME_WAIT.
            server.accept()[0].close()
    assert is_free(port)


def test_the_holder_of_the_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        name = psutil.Process().name()
        with pytest.raises(
            DeployError, match=rf"port {port} must be free.*process {os.getpid()} \({name}: .*--npuperf-port"
        ):
            check_free(port)


def test_a_holder_that_cannot_be_named_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "net_connections", lambda _: [])
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        pytest.raises(DeployError, match=r"a process that cannot be named .* listens on it"),
    ):
        check_free(server.getsockname()[1])


def test_a_system_that_names_nobody_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> None:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil, "net_connections", refuse)
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        pytest.raises(DeployError, match="a process that cannot be named"),
    ):
        check_free(server.getsockname()[1])


def test_waiting_ends_when_the_listener_has_gone() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]
    assert not is_free(port)
    Timer(0.1, server.close).start()
    wait_until_free(port, timeout=30)
    assert is_free(port)


def test_a_port_that_stays_taken_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(DeployError, match=rf"process {os.getpid()} .*still listens on port {port}"):
            wait_until_free(port, timeout=0.1)
