"""The endpoints of the simulated server."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import parse_qs

import msgspec

from pytest_npuperf.simulator.chat import MAX_MODEL_LEN, Answer, ChatRequest, error_body, plan_answer
from pytest_npuperf.simulator.exchange import TimedAnswer, streamed_writes, whole_writes
from pytest_npuperf.simulator.protocol import HttpConnection, Request, whole_response
from pytest_npuperf.simulator.records import RequestRecord
from pytest_npuperf.simulator.schedule import deadlines
from pytest_npuperf.simulator.scheduler import DeadlineScheduler
from pytest_npuperf.simulator.settings import SimulatorSettings

__all__ = ["Service"]

_CHAT = "/v1/chat/completions"


class Service:
    """Answers requests as the settings say, and records what it did.

    Chat requests are numbered in order of arrival, from 1 at the start and after a reset:
    the number seeds the jitter and picks those that meet a fault. One that is refused (4xx,
    503) has neither number nor record.
    """

    def __init__(self, settings: SimulatorSettings, scheduler: DeadlineScheduler) -> None:
        self.records: list[RequestRecord] = []
        self._streams = 0
        self._settings = settings
        self._scheduler = scheduler
        self._decoder = msgspec.json.Decoder(ChatRequest)
        self._created = int(time.time())
        self._ready_at = time.monotonic() + settings.startup_delay
        self._documents: dict[tuple[str, str], Callable[[Request], bytes]] = {
            ("GET", "/health"): lambda _: b"",
            ("GET", "/v1/models"): self._models,
            ("GET", "/simulator/requests"): self._requests,
            ("POST", "/simulator/reset"): self._reset,
        }
        self._methods = {path: method for method, path in self._documents} | {_CHAT: "POST"}

    def handle(self, connection: HttpConnection, request: Request, t_received: int) -> None:
        """Answers a request, or begins to."""
        path, method = request.path, self._methods.get(request.path)
        if method is None:
            _refuse(connection, request, HTTPStatus.NOT_FOUND, f"There is no {path}.")
        elif request.method != method:
            message = f"{path} takes {method}, not {request.method}."
            _refuse(connection, request, HTTPStatus.METHOD_NOT_ALLOWED, message)
        elif time.monotonic() < self._ready_at and not path.startswith("/simulator/"):
            _refuse(connection, request, HTTPStatus.SERVICE_UNAVAILABLE, "The server is still starting.")
        elif path == _CHAT:
            self._chat(connection, request, t_received)
        else:
            _respond(connection, request, HTTPStatus.OK, self._documents[method, path](request))

    def _models(self, _: Request) -> bytes:
        model = {
            "id": self._settings.model,
            "object": "model",
            "created": self._created,
            "owned_by": "npuperf-simulator",
            "root": self._settings.model,
            "parent": None,
            "max_model_len": MAX_MODEL_LEN,
        }
        return msgspec.json.encode({"object": "list", "data": [model]})

    def _requests(self, request: Request) -> bytes:
        stamps = parse_qs(request.query).get("stamps") == ["1"]
        return msgspec.json.encode([record.describe(stamps=stamps) for record in self.records])

    def _reset(self, _: Request) -> bytes:
        self.records.clear()
        self._streams = 0
        return b""

    def _chat(self, connection: HttpConnection, request: Request, t_received: int) -> None:
        try:
            chat = self._decoder.decode(request.body)
        except msgspec.DecodeError as error:
            _refuse(connection, request, HTTPStatus.BAD_REQUEST, str(error))
            return
        if chat.model not in (None, self._settings.model):
            message = f"The model `{chat.model}` does not exist. It is `{self._settings.model}`."
            _refuse(connection, request, HTTPStatus.NOT_FOUND, message, "model")
            return
        if chat.stream and request.version == "1.0":
            message = "A stream needs chunked framing, which HTTP/1.0 does not have."
            _refuse(connection, request, HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, message)
            return
        request_id = request.headers.get("x-request-id") or secrets.token_hex(8)
        answer = plan_answer(self._settings, chat, request_id=request_id, created=int(time.time()))
        if isinstance(answer, str):
            _refuse(connection, request, HTTPStatus.BAD_REQUEST, answer, "input_tokens")
            return
        record = RequestRecord(request_id, chat.stream, t_received, answer.prompt_tokens)
        self.records.append(record)
        if _every(self._settings.fail_every, len(self.records)):
            record.outcome = "failed"
            _refuse(connection, request, HTTPStatus.INTERNAL_SERVER_ERROR, "The simulator was told to fail.")
        else:
            self._begin(connection, request, record, answer)

    def _begin(
        self, connection: HttpConnection, request: Request, record: RequestRecord, answer: Answer
    ) -> None:
        settings = self._settings
        due = deadlines(settings, t_received=record.t_received, number=len(self.records))
        headers = (("x-request-id", record.request_id), *request.response_headers)
        cut = False
        if record.stream:
            self._streams += 1
            cut = _every(settings.break_every, self._streams)
            lead = round(settings.role_lead * 1e9)
            writes = streamed_writes(answer, due, headers=headers, role_lead=lead, cut=cut)
        else:
            writes = whole_writes(answer, due, headers=headers)
        connection.exchange = TimedAnswer(connection, self._scheduler, record, writes, cut=cut)


def _every(n: int, number: int) -> bool:
    return n > 0 and number % n == 0


def _refuse(
    connection: HttpConnection, request: Request, status: HTTPStatus, message: str, param: str | None = None
) -> None:
    kind = status.phrase.replace(" ", "").removesuffix("Error") + "Error"
    _respond(connection, request, status, error_body(status.value, kind, message, param))


def _respond(connection: HttpConnection, request: Request, status: HTTPStatus, body: bytes) -> None:
    response = whole_response(status, body, request.response_headers)
    if request.method == "HEAD":
        response = response.removesuffix(body)
    connection.write(response)
    connection.finish()
