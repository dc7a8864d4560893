"""Asking a server: is it up, which models does it list, does it stream an answer."""

from __future__ import annotations

import asyncio
import json
import ssl
from dataclasses import dataclass
from typing import Any, NoReturn

import httpx

from pytest_npuperf.adapter.log import hide
from pytest_npuperf.errors import NotReadyError

__all__ = ["Prober", "Served"]

_CHAT = "/v1/chat/completions"
_TIMEOUT = 10.0
_BODY_LIMIT = 400
_MISSING = frozenset({404, 405, 501})
_BUSY = frozenset({408, 425, 429})
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0


@dataclass(frozen=True, slots=True)
class Served:
    """A server that is ready, and what it said about itself."""

    base_url: str
    """Without a slash or ``/v1`` at its end."""
    model: str
    """The name to send in requests."""
    listed: tuple[str, ...]
    """The names that ``/v1/models`` lists; empty where it lists none."""
    server: str
    """Its Server header, '' where it sends none."""


class Prober:
    """Asks one server until it is ready."""

    def __init__(self, client: httpx.AsyncClient, base_url: str, api_key: str | None) -> None:
        self._client = client
        self._base_url = base_url
        self._api_key = api_key
        self.state = "no answer yet"
        """What the server is waited for at the moment, in words."""

    async def until_ready(self, model: str | None) -> Served:
        """Ask again and again until one short answer was streamed to its end.

        Args:
            model: The name to ask for. Where the server lists others but not this one, or this
                is None, the first it lists is used.

        Raises:
            NotReadyError: The server answers in a way that waiting cannot cure.
        """
        pause = _FIRST_PAUSE
        while True:
            try:
                listed, server = await self._look()
                name = self._choose(model, listed)
                self.state = "a first request is being answered"
                await self._chat(name, is_listed=name in listed)
            except _NotYet as reason:
                self.state = str(reason)
            else:
                return Served(self._base_url, name, listed, server)
            await asyncio.sleep(pause)
            pause = min(_LONGEST_PAUSE, 1.5 * pause)

    async def _look(self) -> tuple[tuple[str, ...], str]:
        """The models a server that answers 200 lists, and its Server header.

        A server that has neither ``/v1/models`` nor ``/health`` counts as answering: its chat
        endpoint shows the rest.
        """
        models = await self._send("GET", "/v1/models", timeout=_TIMEOUT)
        if models.status_code == 200:
            return _model_names(models), models.headers.get("server", "")
        health = await self._send("GET", "/health", timeout=_TIMEOUT)
        if health.status_code == 200 or {models.status_code, health.status_code} <= _MISSING:
            return (), health.headers.get("server", "")
        raise _NotYet(f"/v1/models answers {models.status_code}, /health {health.status_code}")

    def _choose(self, model: str | None, listed: tuple[str, ...]) -> str:
        if model is not None and (model in listed or not listed):
            return model
        if not listed:
            raise NotReadyError(
                f"{self._base_url}/v1/models lists no model, so the name to send is not known: "
                "pass it by --npuperf-model."
            )
        return listed[0]

    async def _chat(self, model: str, *, is_listed: bool) -> None:
        body = {
            "model": model,
            "messages": [{"role": "user", "content": "Hello"}],
            "max_tokens": 4,
            "temperature": 0,
            "stream": True,
        }
        # No limit for the answer itself: a first request can compile for minutes.
        answer = await self._send("POST", _CHAT, json=body, timeout=httpx.Timeout(_TIMEOUT, read=None))
        status = answer.status_code
        if status == 200:
            self._judge_stream(answer)
        elif status in _MISSING:
            doubt = "" if is_listed else f", or it does not know the model {model!r} (--npuperf-model)"
            self._refuse(answer, f"performance evaluation needs {_CHAT}, which this server lacks{doubt}")
        elif status in _BUSY or status >= 500:
            raise _NotYet(f"{_CHAT} answers {status}: {self._excerpt(answer)}")
        else:
            self._refuse(answer, f"a short streamed request for the model {model!r} is not accepted")

    def _judge_stream(self, answer: httpx.Response) -> None:
        events = _events(answer.content)
        if not events:
            self._refuse(answer, "it has no event stream: performance evaluation needs a streamed answer")
        for event in events:
            if _is_error(event):
                self._refuse(answer, "the stream holds an error")

    async def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            answer = await self._client.request(method, self._base_url + path, **options)
        except httpx.ConnectError as error:
            if _certificate_refused(error):
                raise NotReadyError(
                    f"{self._base_url} shows a certificate that this machine does not trust: {error}. "
                    "Name a file with its authority by --npuperf-ca-file, or pass --npuperf-insecure."
                ) from error
            raise _NotYet(f"no connection: {error}") from error
        except httpx.TimeoutException as error:
            raise _NotYet(f"{path} does not answer within {_TIMEOUT:.0f} s") from error
        except httpx.RequestError as error:
            raise _NotYet(f"{path} breaks off: {error}") from error
        if answer.status_code in (401, 403):
            given = "the API key that was passed is refused" if self._api_key else "it wants an API key"
            self._refuse(answer, f"{given}: pass the right one in NPUPERF_API_KEY or by --npuperf-api-key")
        return answer

    def _refuse(self, answer: httpx.Response, why: str) -> NoReturn:
        request = f"{answer.request.method} {answer.request.url}"
        raise NotReadyError(
            f"{request} answered {answer.status_code}: {why}. The answer was: {self._excerpt(answer)}"
        )

    def _excerpt(self, answer: httpx.Response) -> str:
        text = hide(answer.text.strip(), self._api_key)
        return text[:_BODY_LIMIT] + "..." if len(text) > _BODY_LIMIT else text or "(empty)"


def _model_names(answer: httpx.Response) -> tuple[str, ...]:
    models = _json(answer.content)
    entries = models.get("data") if isinstance(models, dict) else None
    if not isinstance(entries, list):
        return ()
    return tuple(
        entry["id"] for entry in entries if isinstance(entry, dict) and isinstance(entry.get("id"), str)
    )


def _events(body: bytes) -> list[bytes]:
    return [line[5:].strip() for line in body.splitlines() if line.startswith(b"data:")]


def _is_error(event: bytes) -> bool:
    """Whether an event reports that the request failed, as an engine that died does under a 200."""
    value = _json(event)
    return isinstance(value, dict) and (bool(value.get("error")) or value.get("object") == "error")


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:  # not JSON, or not even UTF-8
        return None


def _certificate_refused(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


class _NotYet(Exception):
    """The server may become ready; the text says what is missing."""
