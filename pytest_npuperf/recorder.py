"""A case that a test drives itself: the client it does so with, and the result of what it sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import msgspec

from pytest_npuperf.load.trace_builder import TraceBuilder
from pytest_npuperf.load.trace_file import read_trace
from pytest_npuperf.metrics import client_health, summarize
from pytest_npuperf.result import CaseResult
from pytest_npuperf.runner import ClientSettings, not_measured
from pytest_npuperf.trace import UNKNOWN, ClientUsage, Trace
from pytest_npuperf.wire.timeouts import Timeouts
from pytest_npuperf.wire.transport import Recorded, WireTransport

__all__ = ["Recording"]

_NO_USAGE = ClientUsage(wall_time=0, cpu_time=0, run_delay=UNKNOWN)
_CHAT_PATH = "/chat/completions"
_REMEDY = (
    "The test, or what decodes the answers in it, was too busy: send fewer requests at once, or load the "
    "server by npuperf.run, which has a process of its own for it"
)


class _Asked(msgspec.Struct):
    model: str | None = None


class Recording:
    """Records what goes through ``client`` until ``result`` makes a case of it.

    Args:
        base_url: Of the server under test.
        settings: How every case of the run is measured.
        listed_models: The names that the server lists.

    Raises:
        SettingsError: The file of authorities is not valid.
        LoadError: The server's host name cannot be resolved.
    """

    def __init__(
        self, base_url: str, settings: ClientSettings, *, listed_models: tuple[str, ...] = ()
    ) -> None:
        self._settings = settings
        self._listed_models = listed_models
        self._started = datetime.now().astimezone().isoformat(timespec="milliseconds")
        self._transport = WireTransport(base_url, tls=settings.tls, api_key=settings.api_key)
        limits = Timeouts()
        self.client = httpx.AsyncClient(
            base_url=base_url,
            transport=self._transport,
            timeout=httpx.Timeout(limits.first_chunk, connect=limits.connect),
            trust_env=False,
            event_hooks={"request": [self._note_model]},
        )
        self._models: dict[str | None, None] = {}

    async def _note_model(self, request: httpx.Request) -> None:
        """Called by httpx before a request is sent."""
        if request.method != "POST" or not request.url.path.endswith(_CHAT_PATH):
            return
        with suppress(msgspec.DecodeError):  # the server will say what is wrong with it
            self._models[msgspec.json.decode(await request.aread(), type=_Asked).model] = None

    @property
    def is_empty(self) -> bool:
        """Whether no chat completion was asked for."""
        return not self._transport.sent and not self._transport.not_streamed

    def result(self, *, name: str, nodeid: str, stopped: bool, note: Callable[[str], None]) -> CaseResult:
        """The result of the requests that ended until now; decoding them takes its time here."""
        recorded = tuple(self._transport.recorded)
        trace = _trace(recorded, keep_text=self._settings.save_text)
        summary = summarize(trace, max_concurrency=None)
        health = client_health(trace, _NO_USAGE)
        left_out = {
            "not_streamed": self._transport.not_streamed,
            "given_up": self._transport.sent - len(recorded),
        }
        note(f"{name}: {len(recorded)} requests by npuperf_client, {summary.failed_requests} failed")
        note(f"{name}: left out of the measurement: {left_out}")
        return CaseResult(
            name=name,
            nodeid=nodeid,
            settings={"client": "npuperf_client", "left_out": left_out},
            started=self._started,
            stopped=stopped,
            trace=trace,
            summary=summary,
            health=health,
            asked_models=self._asked_models,
            listed_models=self._listed_models,
            not_measured=not_measured(health, self._settings, remedy=_REMEDY),
        )

    @property
    def _asked_models(self) -> tuple[str, ...]:
        """The names that were asked for; none where a request left the choice to the server."""
        names = tuple(name for name in self._models if name)
        return names if len(names) == len(self._models) else ()

    def close(self) -> None:
        """Close the connections; the client is of no use after that."""
        self._transport.close()


def _trace(recorded: Sequence[Recorded], *, keep_text: bool) -> Trace:
    builder = TraceBuilder(keep_text=keep_text)
    for record in recorded:
        # when to send is up to the test: there is no schedule to be late for
        t_scheduled = record.exchange.t_sent
        answer = builder.read(record.exchange)
        builder.add(record.exchange, answer, request_id=record.request_id, t_scheduled=t_scheduled)
    with TemporaryDirectory(prefix="npuperf-") as directory:
        columns = Path(directory) / "trace"
        builder.write(columns)
        return read_trace(columns)
