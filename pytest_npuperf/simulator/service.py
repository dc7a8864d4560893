"""The endpoints of the simulated server."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from urllib.parse import parse_qs

import msgspec

from pytest_npuperf.simulator.batch import Batch
from pytest_npuperf.simulator.chat import MAX_MODEL_LEN, Answer, error_body, plan_answer
from pytest_npuperf.simulator.exchange import TimedAnswer, Write, streamed_writes, whole_writes
from pytest_npuperf.simulator.media import NO_MEDIA, BadMedia, Media, read_media
from pytest_npuperf.simulator.prefix_cache import PrefixCache
from pytest_npuperf.simulator.protocol import HttpConnection, Request, whole_response
from pytest_npuperf.simulator.records import RequestRecord
from pytest_npuperf.simulator.request import (
    BYTES_PER_TOKEN,
    ChatRequest,
    TokenizeRequest,
    content_parts,
    prompt_bytes,
    token_ids,
    unexpected_fields,
)
from pytest_npuperf.simulator.schedule import deadlines
from pytest_npuperf.simulator.scheduler import DeadlineScheduler
from pytest_npuperf.simulator.settings import SimulatorSettings

__all__ = ["Service"]

_CHAT = "/v1/chat/completions"


class _Refusal(Exception):
    """A request is answered by an error."""

    def __init__(self, status: HTTPStatus, body: bytes) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


class Service:
    """Answers requests as the settings say, and records what it did.

    Chat requests are numbered in order of arrival, from 1 at the start and after a reset:
    the number seeds all that is random and picks those that meet a fault. One that is refused
    (4xx, 503) has neither number nor record.
    """

    def __init__(self, settings: SimulatorSettings, scheduler: DeadlineScheduler) -> None:
        self.records: list[RequestRecord] = []
        self._streams = 0
        self._settings = settings
        self._scheduler = scheduler
        self._batch = Batch(settings.max_batch)
        self._cache = PrefixCache() if settings.prefix_cache else None
        self._decoder = msgspec.json.Decoder(ChatRequest)
        self._created = int(time.time())
        self._ready_at = time.monotonic() + settings.startup_delay
        self._documents: dict[tuple[str, str], Callable[[Request], bytes]] = {
            ("GET", "/health"): lambda _: b"",
            ("GET", "/v1/models"): self._models,
            ("POST", "/tokenize"): self._tokenize,
            ("GET", "/simulator/requests"): self._requests,
            ("GET", "/simulator/state"): self._state,
            ("POST", "/simulator/reset"): self._reset,
        }
        self._methods = {path: method for method, path in self._documents} | {_CHAT: "POST"}

    def handle(self, connection: HttpConnection, request: Request, t_received: int) -> None:
        """Answers a request, or begins to."""
        try:
            self._admit(request)
            if request.path == _CHAT:
                self._chat(connection, request, t_received)
            else:
                document = self._documents[request.method, request.path]
                _respond(connection, request, HTTPStatus.OK, document(request))
        except _Refusal as refusal:
            _respond(connection, request, refusal.status, refusal.body)

    def _admit(self, request: Request) -> None:
        path, method = request.path, self._methods.get(request.path)
        if method is None:
            raise _refusal(HTTPStatus.NOT_FOUND, f"There is no {path}.")
        if request.method != method:
            message = f"{path} takes {method}, not {request.method}."
            raise _refusal(HTTPStatus.METHOD_NOT_ALLOWED, message)
        if time.monotonic() < self._ready_at and not path.startswith("/simulator/"):
            raise _refusal(HTTPStatus.SERVICE_UNAVAILABLE, "The server is still starting.")

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

    def _state(self, _: Request) -> bytes:
        return msgspec.json.encode({"running": self._batch.running, "waiting": self._batch.waiting})

    def _reset(self, _: Request) -> bytes:
        self.records.clear()
        self._streams = 0
        if self._cache is not None:
            self._cache.clear()
        return b""

    def _tokenize(self, request: Request) -> bytes:
        try:
            asked = msgspec.json.decode(request.body, type=TokenizeRequest)
            media = read_media(content_parts(asked.messages or []))
        except (msgspec.DecodeError, BadMedia) as error:
            raise _refusal(HTTPStatus.BAD_REQUEST, str(error)) from error
        self._check_model(asked.model)
        # A model's placeholders for what is no text are one token over and over, too.
        tokens = token_ids(asked.text) + [0] * media.tokens
        return msgspec.json.encode({"count": len(tokens), "max_model_len": MAX_MODEL_LEN, "tokens": tokens})

    def _chat(self, connection: HttpConnection, request: Request, t_received: int) -> None:
        chat, media = self._read_chat(request)
        prompt = prompt_bytes(chat.messages)
        request_id = request.headers.get("x-request-id") or secrets.token_hex(8)
        answer = plan_answer(
            self._settings,
            chat,
            request_id=request_id,
            created=int(time.time()),
            number=len(self.records) + 1,
            prompt_tokens=len(prompt) // BYTES_PER_TOKEN + media.tokens,
            cached_tokens=self._cached_tokens(prompt, media),
        )
        if isinstance(answer, str):
            raise _refusal(HTTPStatus.BAD_REQUEST, answer, "input_tokens")
        record = RequestRecord(
            request_id, chat.stream, t_received, answer.prompt_tokens, media, answer.cached_tokens or 0
        )
        self.records.append(record)
        if _every(self._settings.fail_every, len(self.records)):
            record.outcome = "failed"
            raise _refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "The simulator was told to fail.")
        self._begin(connection, request, record, answer)

    def _read_chat(self, request: Request) -> tuple[ChatRequest, Media]:
        try:
            unexpected = unexpected_fields(request.body) if self._settings.strict else []
            if unexpected:
                # The status, text and shape of `transformers serve`.
                detail = f"Unexpected fields in the request: {{{', '.join(map(repr, unexpected))}}}"
                raise _Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, msgspec.json.encode({"detail": detail}))
            chat = self._decoder.decode(request.body)
            media = read_media(content_parts(chat.messages))
        except (msgspec.DecodeError, BadMedia) as error:
            raise _refusal(HTTPStatus.BAD_REQUEST, str(error)) from error
        self._check_model(chat.model)
        if chat.stream and request.version == "1.0":
            message = "A stream needs chunked framing, which HTTP/1.0 does not have."
            raise _refusal(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, message)
        return chat, media

    def _check_model(self, model: str | None) -> None:
        if model not in (None, self._settings.model):
            message = f"The model `{model}` does not exist. It is `{self._settings.model}`."
            raise _refusal(HTTPStatus.NOT_FOUND, message, "model")

    def _cached_tokens(self, prompt: bytes, media: Media) -> int | None:
        if self._cache is None:
            return None
        # The text alone does not say whether it is the same prompt.
        return self._cache.reuse(prompt) if media == NO_MEDIA else 0

    def _begin(
        self, connection: HttpConnection, request: Request, record: RequestRecord, answer: Answer
    ) -> None:
        number = len(self.records)
        headers = (("x-request-id", record.request_id), *request.response_headers)
        cut = False
        if record.stream:
            self._streams += 1
            cut = _every(self._settings.break_every, self._streams)

        def schedule(t_started: int) -> Iterator[Write]:
            due = deadlines(
                self._settings,
                t_started=t_started,
                number=number,
                prefill_tokens=record.prompt_tokens - record.cached_tokens,
                running=lambda: self._batch.running,
            )
            if not record.stream:
                return whole_writes(answer, due, headers=headers)
            lead = round(self._settings.role_lead * 1e9)
            return streamed_writes(answer, due, headers=headers, role_lead=lead, cut=cut)

        timed = TimedAnswer(connection, self._scheduler, self._batch, record, schedule, cut=cut)
        connection.exchange = timed
        self._batch.join(timed, record.t_received)


def _every(n: int, number: int) -> bool:
    return n > 0 and number % n == 0


def _refusal(status: HTTPStatus, message: str, param: str | None = None) -> _Refusal:
    """A refusal as vLLM words it."""
    kind = status.phrase.replace(" ", "").removesuffix("Error") + "Error"
    return _Refusal(status, error_body(status.value, kind, message, param))


def _respond(connection: HttpConnection, request: Request, status: HTTPStatus, body: bytes) -> None:
    response = whole_response(status, body, request.response_headers)
    if request.method == "HEAD":
        response = response.removesuffix(body)
    connection.write(response)
    connection.finish()
