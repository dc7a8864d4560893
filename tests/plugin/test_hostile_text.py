"""What a run shows and leaves of a server whose answers, and of a case whose name, are made to do harm."""

from __future__ import annotations

import csv
import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from xml.etree import ElementTree

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

CASE = "::error::<script>alert(1)</script> `a` | **b** [c](d) =1+1 'e' %0A"
HARM = (
    "<script>alert(1)</script>\"'\x1b[31m\x1b]0;title\x07\x9b2J\r\n::error::injected\n  ::stop-commands::x\n"
    "##[error]a ##vso[task.complete result=Failed]b\u202e\u2066\u200b\x00\x08\u2028]]> | `c` @all\n```\n# d\n"
    "=cmd|' /C calc'!A0 ![e](http://g.example/f) --><!--"
)
MODEL = "=1+1<img src=x onerror=alert(1)>|`m`\x1b[2J\n::error::model\u202e"
COMMAND = re.compile(r"^\s*::|##\w*\[")
OWN_COMMANDS = ("::error file=", "::warning file=")
NO_CI = ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE", "CI_JOB_URL")


class _Handler(BaseHTTPRequestHandler):
    """Answers the probe and every second request after it; the others get an error with HARM in it."""

    server_version = "evil\x9b31m<b>"
    sys_version = ""

    def do_GET(self) -> None:
        listed = {"data": [{"id": MODEL}]} if self.path == "/v1/models" else {}
        self._answer(200, "application/json", json.dumps(listed))

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked += 1  # type: ignore[attr-defined]
        if self.server.asked % 2 == 0 or self.server.refuses:  # type: ignore[attr-defined]
            self._answer(400, "text/plain", f"{HARM}\ud800")
            return
        events = [
            {"model": HARM, "choices": [{"index": 0, "delta": {"content": HARM}, "finish_reason": None}]},
            {"model": HARM, "choices": [{"index": 0, "delta": {"content": HARM}, "finish_reason": HARM}]},
        ]
        lines = [*map(json.dumps, events), "[DONE]"]
        self._answer(200, "text/event-stream", "".join(f"data: {line}\n\n" for line in lines))

    def _answer(self, status: int, kind: str, text: str) -> None:
        body = text.encode("utf-8", "surrogatepass")
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def evil(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Starts the server; its URL. It may refuse the probe, too."""
    for name in NO_CI:
        monkeypatch.delenv(name, raising=False)
    servers: list[ThreadingHTTPServer] = []

    def start(*, refuses: bool = False) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        server.asked, server.refuses = 0, refuses  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def commands_in(text: str) -> list[str]:
    """The lines that a terminal or a CI system would take for more than text, but for the plugin's own."""
    return [
        line
        for line in text.split("\n")
        if not line.isprintable() or (COMMAND.search(line) and not line.startswith(OWN_COMMANDS))
    ]


def test_a_run_shows_and_leaves_it_as_text(
    pytester: pytest.Pytester,
    evil: Callable[..., str],
    report_of: Callable[[pytest.Pytester], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = {"name": CASE, "requests": 6, "max_tokens": 2, "warmup": 0, "load": {"concurrency": 1}}
    case["slo"] = ["ttft.p99 < 1 us", "e2el.p99 < 1 min"]
    (pytester.path / "npuperf.yaml").write_text(json.dumps({"cases": [case]}), encoding="utf-8")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(pytester.path))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(pytester.path / "step.md"))
    result = pytester.runpytest_subprocess(
        f"--npuperf-base-url={evil()}",
        "--junitxml=junit.xml",
        "--npuperf-openmetrics=run.om",
        "--npuperf-save-text",
        "--npuperf-client-health=warn",
        "-rA",
    )
    result.assert_outcomes(failed=1)
    said = result.stdout.str()
    assert commands_in(said) == []
    assert commands_in(result.stderr.str()) == []
    assert sum(line.startswith("::error file=npuperf.yaml,line=") for line in result.outlines) == 1
    assert r"failed with http_status, the first: " in said

    (test_case,) = ElementTree.parse(pytester.path / "junit.xml").iter("testcase")
    assert "<script>alert(1)</script> `a` | **b**" in test_case.get("name", "")
    (failure,) = test_case.iter("failure")
    assert commands_in(failure.text or "") == []
    for one in test_case.iter("property"):
        assert (one.get("name", "") + one.get("value", "")).isprintable()

    markdown = (pytester.path / "step.md").read_bytes().decode("utf-8")
    assert all(line.isprintable() for line in markdown.split("\n"))
    assert not re.search(r"<script|<img|\[c\]|@all|://", markdown.split("```sh")[0])
    families = list(text_string_to_metric_families((pytester.path / "run.om").read_text(encoding="utf-8")))
    assert len(families) > 10

    report = report_of(pytester)
    for path in report.rglob("*.json"):
        json.loads(path.read_bytes().decode("utf-8"))
    for path in report.rglob("*.html"):
        page = path.read_bytes().decode("utf-8")
        assert all(character.isprintable() or character == "\n" for character in page)
        assert not re.search(r"<script>alert|<img", page)
    (table,) = report.rglob("*.csv")
    with table.open(encoding="utf-8", newline="") as file:
        assert len(list(csv.reader(file))) == 8
    (details,) = report.rglob("*_details.json")
    answered = next(row for row in json.loads(details.read_bytes()) if row["success"])
    assert (answered["text"], answered["model"], answered["finish_reason"]) == (2 * HARM, HARM, HARM)
    for log in (report / "logs").rglob("*.log"):
        assert commands_in(log.read_bytes().decode("utf-8")) == []


def test_a_server_that_is_not_ready_is_quoted_as_text(
    pytester: pytest.Pytester, evil: Callable[..., str]
) -> None:
    (pytester.path / "npuperf.yaml").write_text("cases: [{name: chat, requests: 2}]")
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={evil(refuses=True)}", "--junitxml=junit.xml")
    result.assert_outcomes(errors=1)
    assert r"\x3a:error::injected" in result.stdout.str()
    assert commands_in(result.stdout.str()) == []
    (error,) = ElementTree.parse(pytester.path / "junit.xml").iter("error")
    assert commands_in(error.text or "") == []
