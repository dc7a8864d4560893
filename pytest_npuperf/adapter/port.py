"""Who listens on a TCP port of this machine."""

from __future__ import annotations

import errno
import socket
import time

import psutil

from pytest_npuperf.errors import DeployError

__all__ = ["check_free", "holder", "is_free", "wait_until_free"]


def is_free(port: int) -> bool:
    """Whether a server could listen on the port, on all IPv4 and IPv6 addresses."""
    # Some systems let a bind to all addresses succeed beside a listener on one of them.
    return (
        _can_bind(socket.AF_INET, "", port)
        and _can_bind(socket.AF_INET, "127.0.0.1", port)
        and _can_bind(socket.AF_INET6, "", port)
    )


def check_free(port: int) -> None:
    """Stop where another process listens on the port.

    Raises:
        DeployError: the port is taken; the text names the process that holds it.
    """
    if not is_free(port):
        raise DeployError(
            f"port {port} must be free before deploy.sh starts, but {holder(port)} listens on it. "
            "Stop that process, or let deploy.sh listen on another port and name it by --npuperf-port; "
            "a server that already runs is measured with --npuperf-base-url."
        )


def wait_until_free(port: int, *, timeout: float = 5.0) -> None:
    """Wait until nothing listens on the port.

    Raises:
        DeployError: something still does after timeout seconds.
    """
    deadline = time.perf_counter() + timeout
    while not is_free(port):
        if time.perf_counter() > deadline:
            raise DeployError(
                f"every process of deploy.sh has ended, but {holder(port)} still listens on port {port}: "
                "deploy.sh handed its server to something outside (a container service, a service manager). "
                "Start the server as a process of deploy.sh."
            )
        time.sleep(0.05)


def holder(port: int) -> str:
    """The process that listens on the port, in words."""
    try:
        listeners = [
            connection.pid
            for connection in psutil.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
        ]
        pid = next((pid for pid in listeners if pid), None)
        if pid is not None:
            process = psutil.Process(pid)
            return f"process {pid} ({process.name()}: {' '.join(process.cmdline())[:80]})"
    except psutil.Error:
        pass
    return "a process that cannot be named (it belongs to another user or another container)"


def _can_bind(family: socket.AddressFamily, host: str, port: int) -> bool:
    try:
        with socket.socket(family) as probe:
            # Servers set it, too: without it connections of a server that has ended count as taken.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind((host, port))
    except OSError as error:
        return error.errno != errno.EADDRINUSE
    return True
