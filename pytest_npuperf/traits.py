"""What a server is asked before the load: how it counts tokens, and whether it keeps an output length."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import httpx
import msgspec

from pytest_npuperf.wire.chat import request_body
from pytest_npuperf.wire.sse import events
from pytest_npuperf.wire.tls import client_context
from pytest_npuperf.wire.tls_settings import TlsSettings
from pytest_npuperf.workload.gauge import Gauge
from pytest_npuperf.workload.natural_text import natural_text, opening

__all__ = ["NOTHING_KNOWN", "ServerTraits", "exact_output_fields", "fit_counts", "gauge_for", "probe_traits"]

ExactOutput = Literal["ignore_eos", "min_tokens", "none"]

_TIMEOUT = httpx.Timeout(10.0, read=60.0)
_LENGTHS = (64, 1024)
"""Far enough apart to tell a factor from a constant; in longer texts single words matter less."""
_QUESTION = "Answer with one word: yes."
_FORCED_TOKENS = 3
"""More than the answer to the question has of itself."""
_DRAWN_BY = 1
"""The server's own seed for the answer; some take no 0."""
_REFUSALS = frozenset({400, 422})
_EXCERPT = 200


@dataclass(frozen=True, slots=True)
class ServerTraits:
    """What is known of a server; the defaults stand for nothing."""

    exact_output: ExactOutput = "none"
    """The field of a request that makes an answer as long as it is told to be."""
    scale: float = 1.0
    template_tokens: int = 0
    """It counts ``count(text) * scale + template_tokens`` for a prompt of one user message."""
    reports_usage: bool = False
    notes: tuple[str, ...] = ()
    """What could not be learned or is not supported, and what follows from it."""


NOTHING_KNOWN = ServerTraits()


def probe_traits(
    base_url: str,
    model: str,
    *,
    count: Callable[[str], int],
    lengths: bool,
    exact: bool,
    seed: int | str = 0,
    api_key: str | None = None,
    tls: TlsSettings = TlsSettings(),
    headers: Mapping[str, str] | None = None,
    extra_body: Mapping[str, Any] | None = None,
) -> ServerTraits:
    """Learn by up to four short streamed requests what a case needs to know of a server.

    What a server refuses or fails to answer stays unknown; that is noted, not raised. The prompts of a
    case are made to what is learned here, so everything that is sent follows from the seed.

    Args:
        base_url: ``http://host:port`` or ``https://host/prefix``, without ``/v1`` at its end.
        model: The name to send.
        count: How tokens are counted on this side.
        lengths: Whether to learn how the server counts prompts.
        exact: Whether to learn how it keeps an output length.
        seed: That of the case. Its texts are in no prompt of a case, whatever the case is called.
        api_key: Sent as a bearer token.
        tls: Whom to trust on https.
        headers: More headers of each request, as in the case.
        extra_body: More fields of each request, as in the case: some change the chat template.

    Raises:
        SettingsError: The file of authorities cannot be used.
    """
    texts = _texts(count, seed) if lengths else []
    sent = {"Accept-Encoding": "identity", "Content-Type": "application/json", **(headers or {})}
    if api_key:
        sent["Authorization"] = f"Bearer {api_key}"
    verify = client_context(tls) if base_url.startswith("https:") else False
    # Proxy variables and a .netrc are for other servers than the one under test.
    with (
        httpx.Client(headers=sent, trust_env=False, verify=verify, timeout=_TIMEOUT) as client,
        ThreadPoolExecutor(max_workers=len(_LENGTHS) + 1) as pool,
    ):
        asker = _Asker(client, f"{base_url}/v1/chat/completions", model, extra_body or {})
        output = pool.submit(_exact_output, asker) if exact else None
        replies = list(pool.map(lambda text: asker.ask(text, max_tokens=1), texts))
        exact_output, output_note = output.result() if output else ("none", "")
    points = [
        (count(text), reply.prompt_tokens)
        for text, reply in zip(texts, replies, strict=True)
        if reply.prompt_tokens is not None
    ]
    scale, template_tokens = fit_counts(points)
    notes = (output_note, _length_note(replies, points))
    return ServerTraits(
        exact_output, scale, template_tokens, asker.usage_seen, tuple(note for note in notes if note)
    )


def exact_output_fields(traits: ServerTraits, tokens: int) -> dict[str, Any]:
    """The fields of a request, beside ``max_tokens``, that make its answer ``tokens`` tokens long."""
    match traits.exact_output:
        case "ignore_eos":
            return {"ignore_eos": True}
        case "min_tokens":
            return {"min_tokens": tokens}
        case "none":
            return {}


def gauge_for(traits: ServerTraits, count: Callable[[str], int]) -> Gauge:
    """How the server counts a text, told from ``count``, with which its traits were learned."""
    return Gauge(count, traits.scale, traits.template_tokens)


def fit_counts(points: Sequence[tuple[int, int]]) -> tuple[float, int]:
    """Scale and template tokens of a server by what was counted here and there.

    A count that differs by the same number from the server's is its own, so the scale is 1. Of a
    single pair the difference is the template's; of none nothing is known: 1.0 and 0.
    """
    if not points:
        return 1.0, 0
    (low, low_there), (high, high_there) = min(points), max(points)
    more_there = (high_there - low_there) - (high - low)
    if abs(more_there) <= 1:  # a token more or less where the template meets the text
        return 1.0, max(0, high_there - high)
    scale = (high_there - low_there) / (high - low)
    template_tokens = round(high_there - scale * high)
    if scale <= 0 or template_tokens < 0:  # the counts of short texts scatter more
        return high_there / high, 0
    return scale, template_tokens


def _texts(count: Callable[[str], int], seed: int | str) -> list[str]:
    """Texts that follow from the seed, and begin like no prompt of the load.

    A server that runs since an earlier run of this seed may have them in its prefix cache: it counts
    them all the same, and nobody times their answers.
    """
    # a case's own seed begins with a number, so no name of a case leads here
    name = f"lengths/{seed}"
    return [
        natural_text(random.Random(f"{name}/{index}"), tokens, gauge=Gauge(count), begin=opening(name, index))
        for index, tokens in enumerate(_LENGTHS)
    ]


def _length_note(replies: Sequence[_Reply], points: Sequence[tuple[int, int]]) -> str:
    if len(points) == len(replies):
        return ""
    why = next((reply.problem for reply in replies if reply.problem), "it reports no usage")
    known = "known from one request alone" if points else "not known"
    return f"how the server counts prompts is {known}: {why}; input lengths may be missed"


def _exact_output(asker: _Asker) -> tuple[ExactOutput, str]:
    """The first field that makes the server go on where an answer would end, else why there is none."""
    fields: dict[ExactOutput, Any] = {"ignore_eos": True, "min_tokens": _FORCED_TOKENS}
    for name, value in fields.items():
        # of a server that does not heed the field, the answer would be chance: one run's would be long
        reply = asker.ask(_QUESTION, max_tokens=_FORCED_TOKENS, seed=_DRAWN_BY, **{name: value})
        if reply.problem and not reply.refused:
            return "none", f"whether the server keeps an output length is not known: {reply.problem}"
        if reply.finish_reason == "length":
            return name, ""
    return "none", f"the server takes neither {' nor '.join(fields)}: answers may miss their output length"


@dataclass(frozen=True, slots=True)
class _Reply:
    """What a server said to one request."""

    prompt_tokens: int | None = None
    finish_reason: str = ""
    problem: str = ""
    """Why there is no whole answer, '' where there is one."""
    refused: bool = False
    """The server does not take the request as it is."""


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None


class _Choice(msgspec.Struct):
    finish_reason: str | None = None


class _Event(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Any = None


class _Asker:
    """Sends short requests to one server."""

    def __init__(self, client: httpx.Client, url: str, model: str, extra_body: Mapping[str, Any]) -> None:
        self._client = client
        self._url = url
        self._model = model
        self._extra_body = extra_body
        self.usage_seen = False
        """Whether an answer reported its usage."""

    def ask(self, text: str, *, max_tokens: int, **fields: Any) -> _Reply:
        """The reply to one user message, failures included."""
        body = request_body(
            [{"role": "user", "content": text}],
            model=self._model,
            max_tokens=max_tokens,
            extra={**self._extra_body, "max_tokens": max_tokens, **fields},
        )
        try:
            response = self._client.post(self._url, content=body)
        except httpx.HTTPError as exc:
            return _Reply(problem=f"{type(exc).__name__}: {exc}")
        if response.status_code != 200:
            return _Reply(
                problem=f"HTTP {response.status_code}: {response.text[:_EXCERPT]}",
                refused=response.status_code in _REFUSALS,
            )
        reply = _read(response.content)
        self.usage_seen |= reply.prompt_tokens is not None
        return reply


def _read(body: bytes) -> _Reply:
    prompt_tokens, finish_reason = None, ""
    for _, data in events(body):
        if data == b"[DONE]":
            break
        try:
            event = msgspec.json.decode(data, type=_Event)
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            return _Reply(problem=f"an event of the stream cannot be read: {exc}")
        if event.error is not None:
            return _Reply(problem=f"the stream holds an error: {str(event.error)[:_EXCERPT]}")
        if event.usage is not None:
            prompt_tokens = event.usage.prompt_tokens
        for choice in event.choices or ():
            finish_reason = choice.finish_reason or finish_reason
    if not finish_reason:
        return _Reply(prompt_tokens, problem="the stream ended without a finish reason")
    return _Reply(prompt_tokens, finish_reason)
