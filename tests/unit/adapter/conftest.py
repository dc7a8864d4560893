from __future__ import annotations

import os
import ssl
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from pytest_npuperf.adapter import DeploySettings

SERVER = """
import http.server, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, body):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(b'{"data": []}')

    def do_POST(self):
        self.answer(b'data: {"choices": []}\\n\\ndata: [DONE]\\n\\n')

    def log_message(self, *args):
        pass

print("serving", flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""

# Leaves its parent, its session and its process group, and does not listen to SIGTERM.
HIDER = """
import os, pathlib, signal, sys, time

if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
path = pathlib.Path(sys.argv[1])
path.with_suffix(".new").write_text(str(os.getpid()))
path.with_suffix(".new").rename(path)
time.sleep(600)
"""

Answer = tuple[int, str]


class FakeServer:
    """Answers each path with its answers in turn; the last one stays."""

    def __init__(self, answers: dict[str, list[Answer]], tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[tuple[str, str, dict[str, str], str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                outer.requests.append((self.command, self.path, dict(self.headers), body))
                left = answers.get(self.path, [(404, "no such path")])
                status, text = left.pop(0) if len(left) > 1 else left[0]
                self.send_response(status)
                self.end_headers()
                self.wfile.write(text.encode())

            do_GET = do_POST = _answer

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def fake_server() -> Iterator[Callable[..., FakeServer]]:
    servers: list[FakeServer] = []

    def start(answers: dict[str, list[Answer]], tls: ssl.SSLContext | None = None) -> FakeServer:
        servers.append(FakeServer(answers, tls))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    """An adapter repository without deploy.sh, with the scripts that one can start."""
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "server.py").write_text(SERVER)
    (adapter / "hider.py").write_text(HIDER)
    return adapter


@pytest.fixture
def settings(adapter: Path, tmp_path: Path, port: int) -> Callable[..., DeploySettings]:
    """Settings for the adapter; deploy.sh finds PYTHON and PORT in its environment."""
    model = tmp_path / "model"
    model.mkdir()

    def make(**changes: Any) -> DeploySettings:
        values: dict[str, Any] = {
            "adapter": adapter,
            "model": model,
            "task": "text-generation",
            "port": port,
            "environ": {"PATH": os.environ["PATH"], "PYTHON": sys.executable, "PORT": str(port)},
            "ready_timeout": 60.0,
        }
        return DeploySettings(**{**values, **changes})

    return make


STUB_PYTHON = r"""#!/bin/sh
# An interpreter as far as an installation goes: describes itself, makes environments, notes other calls.
case "$*" in
  "-I -c "*)
    printf '{"executable": "%s", "version": "3.10.12", "environment": null,' "$0"
    printf '"packages": ["%s/lib"], "has_ensurepip": %s}' "${0%/*}" "${STUB_ENSUREPIP:-true}"
    ;;
  "-I -m venv "*)
    echo "called: $*"
    for last; do :; done
    mkdir -p "$last/bin/lib"
    cp "$0" "$last/bin/python3"
    ;;
  *)
    echo "called: $*"
    exit "${STUB_EXIT:-0}"
    ;;
esac
"""


@pytest.fixture
def stub_python(tmp_path: Path) -> Path:
    """A python3 that makes virtual environments in no time; it installs nothing."""
    python = tmp_path / "stub" / "python3"
    python.parent.mkdir()
    python.write_text(STUB_PYTHON)
    python.chmod(0o755)
    return python
