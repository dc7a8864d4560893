from __future__ import annotations

import asyncio
import json
import re
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from threading import Thread
from typing import Any

import pytest

from pytest_npuperf.errors import SettingsError
from pytest_npuperf.simulator import Simulator, SimulatorSettings
from pytest_npuperf.traits import (
    ServerTraits,
    exact_output_fields,
    fit_counts,
    gauge_for,
    probe_traits,
)
from pytest_npuperf.wire.tls_settings import TlsSettings
from pytest_npuperf.workload import Synthetic, prompts
from pytest_npuperf.workload.tokens import estimate_tokens

Body = dict[str, Any]
Answer = tuple[int, bytes]
MODEL = "some-model"


def event(**fields: Any) -> bytes:
    return b"data: " + json.dumps(fields).encode() + b"\n\n"


def stream(finish_reason: str | None, prompt_tokens: int | None = None) -> Answer:
    """An answer as servers stream it; None leaves a part out."""
    events = event(choices=[{"delta": {"content": "Yes"}, "finish_reason": finish_reason}])
    if prompt_tokens is not None:
        events += event(choices=[], usage={"prompt_tokens": prompt_tokens, "completion_tokens": 1})
    return 200, events + b"data: [DONE]\n\n"


def text_of(body: Body) -> str:
    text: str = body["messages"][0]["content"]
    return text


@contextmanager
def serving(answer: Callable[[Body], Answer]) -> Iterator[tuple[str, list[tuple[str, dict[str, str], Body]]]]:
    """The base URL of a server, and path, headers and body of each request it got."""
    seen: list[tuple[str, dict[str, str], Body]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append((self.path, dict(self.headers), body))
            status, content = answer(body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", seen
        finally:
            server.shutdown()
            thread.join()


def probed(base_url: str, *, lengths: bool = False, exact: bool = False, **more: Any) -> ServerTraits:
    return probe_traits(base_url, MODEL, count=estimate_tokens, lengths=lengths, exact=exact, **more)


class TestExactOutput:
    def test_a_server_that_goes_on_is_told_by_ignore_eos(self) -> None:
        with serving(lambda body: stream("length" if body.get("ignore_eos") else "stop", 9)) as (url, seen):
            traits = probed(url, exact=True)

        assert traits == ServerTraits("ignore_eos", reports_usage=True)
        assert len(seen) == 1

    def test_the_server_is_not_left_to_draw_its_answer(self) -> None:
        with serving(lambda _: stream("length", 9)) as (url, seen):
            probed(url, exact=True)

        assert [body["seed"] for *_, body in seen] == [1]

    @pytest.mark.parametrize("refusal", [(400, b"no"), (422, b"Unexpected fields"), stream("stop", 9)])
    def test_min_tokens_comes_next_where_ignore_eos_is_refused_or_without_effect(
        self, refusal: Answer
    ) -> None:
        with serving(lambda body: stream("length") if "min_tokens" in body else refusal) as (url, seen):
            traits = probed(url, exact=True)

        assert traits.exact_output == "min_tokens"
        assert traits.notes == ()
        assert [(body.get("min_tokens"), body["max_tokens"]) for *_, body in seen] == [(None, 3), (3, 3)]

    @pytest.mark.parametrize("refusal", [(400, b"no"), (422, b"Unexpected fields"), stream("stop", 9)])
    def test_a_server_that_takes_neither_is_noted(self, refusal: Answer) -> None:
        with serving(lambda _: refusal) as (url, _):
            traits = probed(url, exact=True)

        assert traits.exact_output == "none"
        assert traits.notes == (
            "the server takes neither ignore_eos nor min_tokens: answers may miss their output length",
        )

    @pytest.mark.parametrize(
        ("answer", "problem"),
        [
            ((503, b"busy"), "HTTP 503: busy"),
            ((429, b"slower"), "HTTP 429: slower"),
            ((200, event(error={"message": "engine died"})), "the stream holds an error: {'message': "),
            ((200, b"data: {\n\n"), "an event of the stream cannot be read: "),
            (stream(None), "the stream ended without a finish reason"),
        ],
    )
    def test_what_a_failure_leaves_open_is_noted(self, answer: Answer, problem: str) -> None:
        with serving(lambda _: answer) as (url, seen):
            traits = probed(url, exact=True)

        (note,) = traits.notes
        assert note.startswith(f"whether the server keeps an output length is not known: {problem}")
        assert traits.exact_output == "none"
        assert len(seen) == 1


class TestLengths:
    @pytest.mark.parametrize(("factor", "constant"), [(1, 31), (1, 0), (2, 12), (1.25, 40)])
    def test_factor_and_constant_of_the_server_are_found(self, factor: float, constant: int) -> None:
        def answer(body: Body) -> Answer:
            return stream("length", round(estimate_tokens(text_of(body)) * factor) + constant)

        with serving(answer) as (url, seen):
            traits = probed(url, lengths=True)

        assert traits == ServerTraits(scale=factor, template_tokens=constant, reports_usage=True)
        assert {body["max_tokens"] for *_, body in seen} == {1}
        gauge = gauge_for(traits, estimate_tokens)
        assert gauge.text_tokens(constant + round(100 * factor)) == 100

    @pytest.mark.parametrize("letters", [3, 5])
    def test_prompts_for_an_unknown_tokenizer_are_near_their_length(self, letters: int) -> None:
        pieces = re.compile(rf" ?[A-Za-z]{{1,{letters}}}|[.,]")

        def tokens_of(text: str) -> int:
            return len(pieces.findall(text)) + 31

        with serving(lambda body: stream("length", tokens_of(text_of(body)))) as (url, _):
            gauge = gauge_for(probed(url, lengths=True), estimate_tokens)
        made = islice(prompts(Synthetic(1024, 1), seed=0, max_tokens=1, gauge=gauge), 50)
        lengths = [tokens_of(prompt.messages[0]["content"]) for prompt in made]

        assert statistics.mean(lengths) == pytest.approx(1024, rel=0.05)

    def test_the_texts_follow_from_the_seed(self) -> None:
        def asked(seed: int | str) -> list[str]:
            with serving(lambda _: stream("length", 9)) as (url, seen):
                probed(url, lengths=True, seed=seed)
            return sorted(text_of(body) for *_, body in seen)

        assert asked(1) == asked(1)
        assert asked(1) == asked("1"), "a seed is the same however it was given"
        assert not {*asked(1)} & {*asked(2)}

    @pytest.mark.parametrize("name", ["chat", "lengths", "0"])
    def test_the_texts_begin_alike_neither_each_other_nor_a_prompt_of_the_load(self, name: str) -> None:
        with serving(lambda _: stream("length", 9)) as (url, seen):
            probed(url, lengths=True, seed=1)
        made = prompts(Synthetic(64, 1), seed=f"1/{name}", max_tokens=1)
        texts = [text_of(body) for *_, body in seen]
        texts += [prompt.messages[0]["content"] for prompt in islice(made, 1000)]

        assert len({" ".join(text.split()[:4]) for text in texts}) == 2 + 1000

    def test_what_is_learned_is_the_same_again(self) -> None:
        pieces = re.compile(r" ?[A-Za-z]{1,3}|[.,]")  # texts of other words have other counts

        def answer(body: Body) -> Answer:
            return stream("length", len(pieces.findall(text_of(body))))

        with serving(answer) as (url, _):
            first, second, other = (probed(url, lengths=True, seed=seed) for seed in (1, 1, 2))

        assert first == second
        assert first.scale != other.scale

    def test_a_server_without_usage_is_noted(self) -> None:
        with serving(lambda _: stream("length")) as (url, _):
            traits = probed(url, lengths=True)

        assert traits == ServerTraits(
            notes=(
                "how the server counts prompts is not known: it reports no usage; "
                "input lengths may be missed",
            )
        )

    def test_a_context_too_short_for_the_long_text_leaves_the_template(self) -> None:
        def answer(body: Body) -> Answer:
            tokens = estimate_tokens(text_of(body))
            return (400, b"too long") if tokens > 512 else stream("length", tokens + 31)

        with serving(answer) as (url, _):
            traits = probed(url, lengths=True)

        assert (traits.scale, traits.template_tokens) == (1.0, 31)
        assert traits.notes == (
            "how the server counts prompts is known from one request alone: HTTP 400: too long; "
            "input lengths may be missed",
        )

    @pytest.mark.parametrize(
        ("points", "scale", "template_tokens"),
        [
            ([], 1.0, 0),
            ([(64, 95)], 1.0, 31),
            ([(64, 60)], 1.0, 0),
            ([(64, 95), (1024, 1055)], 1.0, 31),
            ([(64, 95), (1024, 1054)], 1.0, 30),
            ([(1024, 2088), (64, 168)], 2.0, 40),
            ([(64, 90), (1024, 1536)], 1.5, 0),
            ([(64, 90), (1024, 90)], 90 / 1024, 0),
        ],
    )
    def test_counts_are_fitted(
        self, points: list[tuple[int, int]], scale: float, template_tokens: int
    ) -> None:
        found, constant = fit_counts(points)

        assert found == pytest.approx(scale)
        assert constant == template_tokens


class TestRequests:
    def test_they_look_like_those_of_the_case(self) -> None:
        with serving(lambda _: stream("length", 9)) as (url, seen):
            probed(
                url,
                exact=True,
                api_key="secret",
                headers={"X-Tenant": "a"},
                extra_body={"top_k": 1, "max_tokens": 900},
            )

        ((path, headers, body),) = seen
        assert path == "/v1/chat/completions"
        assert (headers["Authorization"], headers["X-Tenant"]) == ("Bearer secret", "a")
        assert headers["Content-Type"] == "application/json"
        assert body["model"] == MODEL
        assert body["stream"]
        assert (body["top_k"], body["max_tokens"]) == (1, 3)

    def test_none_is_sent_where_nothing_is_asked(self) -> None:
        with serving(lambda _: stream("length", 9)) as (url, seen):
            assert probed(url) == ServerTraits()

        assert seen == []

    def test_a_server_that_is_gone_leaves_everything_unknown(self) -> None:
        with serving(lambda _: stream("length")) as (url, _):
            pass
        traits = probed(url, lengths=True, exact=True)

        assert (traits.exact_output, traits.scale, traits.template_tokens) == ("none", 1.0, 0)
        assert len(traits.notes) == 2
        assert all("ConnectError" in note for note in traits.notes)

    def test_proxy_variables_are_not_heeded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        with serving(lambda _: stream("length", 9)) as (url, _):
            assert probed(url, exact=True).exact_output == "ignore_eos"

    def test_a_file_of_authorities_that_cannot_be_used_is_refused(self) -> None:
        with pytest.raises(SettingsError, match="--npuperf-ca-file: 'missing' cannot be used"):
            probed("https://127.0.0.1:9", exact=True, tls=TlsSettings(ca_file="missing"))


@pytest.mark.asyncio
async def test_the_simulator_is_known_by_its_answers() -> None:
    simulator = Simulator(SimulatorSettings(port=0, ttft=0, itl=0, output_tokens=1, model=MODEL))
    await simulator.start()
    try:
        traits = await asyncio.to_thread(
            probed, f"http://127.0.0.1:{simulator.port}", lengths=True, exact=True
        )
    finally:
        await simulator.stop()

    assert traits.exact_output == "ignore_eos"
    assert traits.reports_usage
    assert traits.notes == ()
    # It counts a token for four bytes, and four more for the message.
    assert traits.scale == pytest.approx(1.27, abs=0.05)


@pytest.mark.parametrize(
    ("exact_output", "fields"),
    [("ignore_eos", {"ignore_eos": True}), ("min_tokens", {"min_tokens": 128}), ("none", {})],
)
def test_an_exact_output_length_is_asked_by_the_field_the_server_takes(
    exact_output: Any, fields: dict[str, Any]
) -> None:
    assert exact_output_fields(ServerTraits(exact_output), 128) == fields
