from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest

from pytest_npuperf.load.plan import LoadPlan, PlannedRequest
from pytest_npuperf.load.run import LoadRun
from pytest_npuperf.simulator import RequestRecord, Simulator, SimulatorSettings
from pytest_npuperf.wire.chat import messages_in, request_body
from pytest_npuperf.wire.timeouts import Timeouts


class SimulatorThread:
    """A simulator in a loop of its own."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._simulator = Simulator(settings)
        self._run(self._simulator.start())
        self.url = f"http://127.0.0.1:{self._simulator.port}"

    @property
    def records(self) -> list[RequestRecord]:
        return self._simulator.records

    def close(self) -> None:
        self._run(self._simulator.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, coroutine: Any) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)


@pytest.fixture
def simulate() -> Iterator[Callable[..., SimulatorThread]]:
    """Starts a simulator with the given settings."""
    with ExitStack() as stack:

        def start(**settings: Any) -> SimulatorThread:
            defaults = {"port": 0, "ttft": 0.01, "itl": 0.001, "output_tokens": 5}
            simulator = SimulatorThread(SimulatorSettings(**(defaults | settings)))
            stack.callback(simulator.close)
            return simulator

        yield start


@pytest.fixture(scope="session")
def make_plan() -> Callable[..., LoadPlan]:
    def make(
        url: str = "http://127.0.0.1:1",
        *,
        requests: int = 4,
        warmup: int = 0,
        concurrency: int = 1,
        timeouts: Timeouts | None = None,
        **more: Any,
    ) -> LoadPlan:
        return LoadPlan(
            base_url=url,
            concurrency=concurrency,
            warmup=warmup,
            requests=requests,
            timeouts=timeouts or Timeouts(),
            request_id_prefix="test",
            **more,
        )

    return make


def planned_request(text: str, **settings: Any) -> PlannedRequest:
    """A request with one user message, and an answer of at most 100 tokens."""
    messages = [{"role": "user", "content": text}]
    body = request_body(messages, model="simulated-model", max_tokens=100)
    return PlannedRequest(body=body, messages=messages_in(messages), **settings)


@pytest.fixture(scope="session")
def make_request() -> Callable[..., PlannedRequest]:
    return planned_request


@contextmanager
def _serving(answer: Callable[[BaseHTTPRequestHandler, bytes], None]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answer(self, self.rfile.read(int(self.headers["Content-Length"])))

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="session")
def serving() -> Callable[..., AbstractContextManager[str]]:
    """Serves requests by a function that gets the handler and the body; the context has the base URL."""
    return _serving


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "load.log"


@pytest.fixture
def start_load(log: Path) -> Iterator[Callable[..., LoadRun]]:
    """Starts the load of a plan; it is closed at the end of the test."""
    with ExitStack() as stack:

        def start(
            plan: LoadPlan,
            *,
            api_key: str | None = None,
            requests: Iterable[PlannedRequest] | None = None,
        ) -> LoadRun:
            planned = (planned_request(f"say {i}") for i in range(plan.warmup + (plan.requests or 10**9)))
            run = LoadRun(plan, requests or planned, log=log, api_key=api_key)
            stack.callback(run.close)
            return run

        yield start


@pytest.fixture
def worker() -> Callable[[str], psutil.Process]:
    """Finds the generator or the decoder that this process has started."""

    def find(name: str) -> psutil.Process:
        (found,) = (
            child for child in psutil.Process().children() if f"pytest_npuperf.load.{name}" in child.cmdline()
        )
        return found

    return find
