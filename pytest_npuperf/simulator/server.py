"""The simulated server as a whole."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec

from pytest_npuperf.errors import SettingsError
from pytest_npuperf.simulator.protocol import HttpConnection
from pytest_npuperf.simulator.records import RequestRecord
from pytest_npuperf.simulator.scheduler import DeadlineScheduler
from pytest_npuperf.simulator.service import Service
from pytest_npuperf.simulator.settings import SimulatorSettings

__all__ = ["Simulator", "serve"]

_BACKLOG = 4096
"""Connections that may wait to be accepted: a load opens all of its own at once."""


class Simulator:
    """An inference server with known timings, in the running event loop."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self._settings = settings
        self._connections: set[HttpConnection] = set()
        self._scheduler: DeadlineScheduler
        self._service: Service
        self._server: asyncio.Server

    @property
    def port(self) -> int:
        """The port it listens on."""
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def records(self) -> list[RequestRecord]:
        """What it did for each chat request since the start or the last reset, in order of arrival."""
        return self._service.records

    async def start(self) -> None:
        """Listens.

        Raises:
            SettingsError: it cannot listen on its host and port.
        """
        loop = asyncio.get_running_loop()
        self._scheduler = DeadlineScheduler(loop)
        self._service = Service(self._settings, self._scheduler)
        try:
            self._server = await loop.create_server(
                lambda: HttpConnection(self._service.handle, self._connections),
                self._settings.host,
                self._settings.port,
                backlog=_BACKLOG,
            )
        except OSError as error:
            self._scheduler.close()
            raise SettingsError(
                f"the simulator cannot listen on {self._settings.host} port {self._settings.port}: "
                f"{error.strerror}; choose another port, or 0 for a free one"
            ) from error

    async def stop(self) -> None:
        """Stops listening and cuts every connection."""
        self._server.close()
        self._scheduler.close()
        connections = tuple(self._connections)
        for connection in connections:
            connection.abort()
        # Not the server's wait_closed(): it would wait for a client that came in this moment, too.
        await asyncio.gather(*(connection.gone.wait() for connection in connections))


def serve(settings: SimulatorSettings, *, truth_log: Path | None, announce: Callable[[str], None]) -> None:
    """Serves until SIGTERM or SIGINT, on uvloop where it is installed.

    Then writes ``truth_log``: for each chat request a line of JSON, as
    ``/simulator/requests?stamps=1`` lists it. ``announce`` gets one line once it listens.

    Raises:
        SettingsError: it cannot listen on its host and port, or write the truth log.
    """
    if truth_log is not None:
        # Tried now: after the load it would be too late to say.
        _write_truth(truth_log, [])
    records = _run(_serve_until_signalled(settings, announce))
    if truth_log is not None:
        _write_truth(truth_log, records)


async def _serve_until_signalled(
    settings: SimulatorSettings, announce: Callable[[str], None]
) -> list[RequestRecord]:
    simulator = Simulator(settings)
    await simulator.start()
    signalled = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, signalled.set)
    # A pause of the collector would be a late chunk: it need not look at what lives for ever.
    gc.freeze()
    announce(f"{settings.model} at http://{settings.host}:{simulator.port}/v1")
    await signalled.wait()
    await simulator.stop()
    return simulator.records


def _run(main: Coroutine[Any, Any, list[RequestRecord]]) -> list[RequestRecord]:
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)


def _write_truth(path: Path, records: list[RequestRecord]) -> None:
    try:
        with path.open("wb") as log:
            log.writelines(msgspec.json.encode(record.describe(stamps=True)) + b"\n" for record in records)
    except OSError as error:
        raise SettingsError(
            f"the truth log {path} cannot be written: {error.strerror}; choose another path"
        ) from error
