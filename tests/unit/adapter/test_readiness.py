from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any, Protocol

import pytest

from pytest_npuperf.adapter import Served, wait_until_ready
from pytest_npuperf.errors import DeployError, NotReadyError, SettingsError

CHAT = "/v1/chat/completions"
STREAM = 'data: {"choices": [{"delta": {"content": "Hi"}}]}\n\ndata: [DONE]\n\n'
MODELS = json.dumps({"object": "list", "data": [{"id": "/models/smol"}, {"id": "alias"}]})

Answers = dict[str, list[tuple[int, str]]]


class Server(Protocol):
    url: str
    requests: list[tuple[str, str, dict[str, str], str]]


StartServer = Callable[..., Server]

# For 127.0.0.1, signed by itself; it protects nothing.
CERTIFICATE = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgHKak1cbglOL6xUd8
NIR630vCEHOvbvxzDnA4ux/zXuahRANCAATT/a0EeMlHk3wQPT4f/pJDLb5NAj1g
15vU2bUCweldBfDoFCHg6UYszC3de1nhGidlxCnj72Vt3OGRabutprjB
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBkDCCATagAwIBAgIUGgdMdMGfAEtu6vK+vFrbkene1hQwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNTAxMjM1NVoYDzIxMjYxMTAx
MDEyMzU1WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATT/a0EeMlHk3wQPT4f/pJDLb5NAj1g15vU2bUCweldBfDoFCHg6UYs
zC3de1nhGidlxCnj72Vt3OGRabutprjBo2QwYjAdBgNVHQ4EFgQUNv35o53wRg37
mFcaQ3vxO6BPECowHwYDVR0jBBgwFoAUNv35o53wRg37mFcaQ3vxO6BPECowDwYD
VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0gAMEUC
IBU9H8zGavl79IhBnJ73ev5sOiJETe6TX33cXY1rSkTyAiEAq+z/HRNbo2H2UzKg
AVbLJECkWD0352zY9wjgSK3gMU8=
-----END CERTIFICATE-----
"""


def wait(url: str, **changes: Any) -> Served:
    options: dict[str, Any] = {
        "model": "/models/smol",
        "api_key": None,
        "timeout": 30.0,
        "notify": lambda _: None,
        "ended": lambda: None,
    }
    return wait_until_ready(url, **{**options, **changes})


def test_a_server_that_lists_the_model_and_streams_is_ready(fake_server: StartServer) -> None:
    server = fake_server({"/v1/models": [(200, MODELS)], CHAT: [(200, STREAM)]})
    served = wait(server.url)
    assert served.base_url == server.url
    assert served.model == "/models/smol"
    assert served.listed == ("/models/smol", "alias")
    assert served.server.startswith("BaseHTTP/")
    (_, chat) = server.requests
    assert chat[1] == CHAT
    body = json.loads(chat[3])
    assert body["model"] == "/models/smol"
    assert body["stream"] is True
    assert body["temperature"] == 0
    assert body["max_tokens"] < 10
    assert chat[2]["Accept-Encoding"] == "identity"
    assert "Authorization" not in chat[2]


def test_a_name_that_is_not_listed_gives_way_to_the_first_that_is(fake_server: StartServer) -> None:
    server = fake_server({"/v1/models": [(200, MODELS)], CHAT: [(200, STREAM)]})
    assert wait(server.url, model="/elsewhere").model == "/models/smol"
    assert json.loads(server.requests[-1][3])["model"] == "/models/smol"


def test_without_a_name_the_first_listed_is_used(fake_server: StartServer) -> None:
    server = fake_server({"/v1/models": [(200, MODELS)], CHAT: [(200, STREAM)]})
    assert wait(server.url, model=None).model == "/models/smol"


@pytest.mark.parametrize("models", [(404, "no"), (200, '{"data": []}'), (200, "plain text"), (200, "[]")])
def test_without_a_name_and_a_list_the_error_asks_for_one(
    fake_server: StartServer, models: tuple[int, str]
) -> None:
    server = fake_server({"/v1/models": [models], "/health": [(200, "")]})
    with pytest.raises(NotReadyError, match=r"/v1/models lists no model.*--npuperf-model"):
        wait(server.url, model=None)


def test_a_server_that_lists_nothing_is_asked_for_the_name_given(fake_server: StartServer) -> None:
    server = fake_server({"/health": [(200, "ok")], CHAT: [(200, STREAM)]})
    served = wait(server.url)
    assert (served.model, served.listed) == ("/models/smol", ())


def test_a_server_with_neither_models_nor_health_is_tried_anyway(fake_server: StartServer) -> None:
    assert wait(fake_server({CHAT: [(200, STREAM)]}).url).model == "/models/smol"


def test_loading_is_not_ready(fake_server: StartServer) -> None:
    loading = (503, '{"error": {"message": "Loading model", "code": 503}}')
    server = fake_server(
        {
            "/v1/models": [loading, loading, (200, MODELS)],
            "/health": [loading],
            CHAT: [loading, (500, "not yet"), (200, STREAM)],
        }
    )
    assert wait(server.url).model == "/models/smol"
    paths = [path for _, path, _, _ in server.requests]
    assert paths[:4] == ["/v1/models", "/health", "/v1/models", "/health"]
    assert paths.count(CHAT) == 3


def test_the_time_over_is_an_error_with_the_last_reason(fake_server: StartServer) -> None:
    server = fake_server({"/v1/models": [(503, "")], "/health": [(503, "")]})
    with pytest.raises(
        NotReadyError,
        match=r"was not ready after \d s \(--npuperf-ready-timeout\): /v1/models answers 503, /health 503\.",
    ):
        wait(server.url, timeout=1.0)


def test_nobody_listening_is_waited_for(port: int) -> None:
    with pytest.raises(NotReadyError, match=r"--npuperf-ready-timeout\): no connection: .*failed\."):
        wait(f"http://127.0.0.1:{port}", timeout=1.0)


def test_progress_says_what_the_wait_is_at(fake_server: StartServer) -> None:
    server = fake_server({"/v1/models": [(503, "")], "/health": [(503, "")]})
    texts: list[str] = []
    with pytest.raises(NotReadyError):
        wait(server.url, timeout=1.6, notify=texts.append)
    assert texts[0].startswith(f"waiting for {server.url}: 0 s, ")
    assert texts[-1] == f"waiting for {server.url}: 1 s, /v1/models answers 503, /health 503"
    assert len(texts) == 2


def test_the_end_of_the_server_ends_the_wait(port: int) -> None:
    ends = [None, None, "deploy.sh ended with exit code 3"]
    with pytest.raises(DeployError, match=r"^deploy\.sh ended with exit code 3$"):
        wait(f"http://127.0.0.1:{port}", ended=lambda: ends.pop(0))


def test_ctrl_c_ends_the_wait(fake_server: StartServer) -> None:
    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    server = fake_server({"/v1/models": [(503, "")], "/health": [(503, "")]})
    with pytest.raises(KeyboardInterrupt):
        wait(server.url, notify=interrupt)


def test_a_missing_chat_endpoint_says_what_is_needed(fake_server: StartServer) -> None:
    server = fake_server({"/v1/models": [(200, MODELS)], CHAT: [(404, '{"detail": "Not Found"}')]})
    with pytest.raises(NotReadyError) as caught:
        wait(server.url)
    assert str(caught.value) == (
        f"POST {server.url}{CHAT} answered 404: performance evaluation needs {CHAT}, which this server "
        'lacks. The answer was: {"detail": "Not Found"}'
    )


def test_a_404_for_a_name_that_is_not_listed_leaves_both_causes_open(fake_server: StartServer) -> None:
    server = fake_server({"/health": [(200, "")]})
    with pytest.raises(NotReadyError, match=rf"needs {CHAT}, .*or it does not know the model '/models/smol'"):
        wait(server.url)


@pytest.mark.parametrize("status", [400, 422])
def test_a_request_that_is_refused_shows_the_answer(fake_server: StartServer, status: int) -> None:
    server = fake_server({"/v1/models": [(200, MODELS)], CHAT: [(status, "no chat template" + "x" * 999)]})
    with pytest.raises(NotReadyError) as caught:
        wait(server.url)
    text = str(caught.value)
    assert f"answered {status}: a short streamed request for the model '/models/smol' is not accepted" in text
    assert text.endswith("x...")
    assert len(text) < 700


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    ("api_key", "why"),
    [(None, "it wants an API key"), ("sk-wrong", "the API key that was passed is refused")],
)
def test_a_server_that_wants_a_key_says_so(
    fake_server: StartServer, status: int, api_key: str | None, why: str
) -> None:
    server = fake_server({"/v1/models": [(status, "sk-wrong is not valid")]})
    with pytest.raises(NotReadyError, match=rf"answered {status}: {why}: .*NPUPERF_API_KEY") as caught:
        wait(server.url, api_key=api_key)
    assert ("sk-wrong" in str(caught.value)) == (api_key is None)


def test_the_key_is_sent(fake_server: StartServer) -> None:
    server = fake_server({"/v1/models": [(200, MODELS)], CHAT: [(200, STREAM)]})
    wait(server.url, api_key="sk-right")
    assert [headers["Authorization"] for _, _, headers, _ in server.requests] == ["Bearer sk-right"] * 2


@pytest.mark.parametrize("api_key", ["sk-1\n", "sk 1", "schlüssel"])
def test_a_key_that_no_header_can_carry_is_an_error_that_does_not_show_it(api_key: str) -> None:
    with pytest.raises(SettingsError, match="the API key holds a space, a line end") as caught:
        wait("http://127.0.0.1:1", api_key=api_key)
    assert api_key.strip() not in str(caught.value)


@pytest.mark.parametrize(
    "stream",
    [
        'data: {"error": {"message": "EngineCore died", "code": 500}}\n\ndata: [DONE]\n\n',
        'data: {"choices": []}\n\ndata: {"object": "error", "message": "EngineCore died"}\n\n',
    ],
)
def test_an_error_inside_the_stream_is_an_error(fake_server: StartServer, stream: str) -> None:
    server = fake_server({"/v1/models": [(200, MODELS)], CHAT: [(200, stream)]})
    with pytest.raises(
        NotReadyError, match=r"(?s)answered 200: the stream holds an error\. .*EngineCore died"
    ):
        wait(server.url)


@pytest.mark.parametrize("body", ['{"choices": [{"message": {"content": "Hi"}}]}', ""])
def test_an_answer_that_is_no_stream_is_an_error(fake_server: StartServer, body: str) -> None:
    server = fake_server({"/v1/models": [(200, MODELS)], CHAT: [(200, body)]})
    with pytest.raises(
        NotReadyError, match="it has no event stream: performance evaluation needs a streamed"
    ):
        wait(server.url)


def test_a_stream_without_done_that_ends_is_ready(fake_server: StartServer) -> None:
    stream = 'data: {"choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}]}\r\n\r\n'
    server = fake_server({"/v1/models": [(200, MODELS)], CHAT: [(200, stream)]})
    assert wait(server.url).model == "/models/smol"


@pytest.fixture
def broken_off() -> Iterator[str]:
    """A server that promises more than it sends."""

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65536)
            self.request.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")

    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_an_answer_that_breaks_off_is_not_ready(broken_off: str) -> None:
    with pytest.raises(NotReadyError, match=r"/v1/models breaks off: peer closed connection"):
        wait(broken_off, timeout=1.0)


def test_a_prefix_stays_in_front_of_the_paths(fake_server: StartServer) -> None:
    answers: Answers = {"/team/a/v1/models": [(200, MODELS)], f"/team/a{CHAT}": [(200, STREAM)]}
    server = fake_server(answers)
    assert wait(f"{server.url}/team/a").base_url == f"{server.url}/team/a"


def test_proxy_variables_have_no_effect(fake_server: StartServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    server = fake_server({"/v1/models": [(200, MODELS)], CHAT: [(200, STREAM)]})
    assert wait(server.url).model == "/models/smol"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    path = tmp_path / "server.pem"
    path.write_text(CERTIFICATE)
    return path


@pytest.fixture
def tls_server(fake_server: StartServer, certificate: Path) -> Server:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return fake_server({"/v1/models": [(200, MODELS)], CHAT: [(200, STREAM)]}, context)


def test_a_certificate_that_nobody_vouches_for_ends_the_wait(tls_server: Server) -> None:
    with pytest.raises(NotReadyError, match=r"does not trust: .*--npuperf-ca-file"):
        wait(tls_server.url)


def test_a_certificate_that_ssl_cert_file_vouches_for_is_trusted(
    tls_server: Server, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert wait(tls_server.url).base_url == tls_server.url
