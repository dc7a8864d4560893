from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_npuperf.cli import main
from pytest_npuperf.commands.view import serving


@pytest.fixture
def report(here: Path) -> Path:
    """A folder like that of a run, and a file beside it that is nobody's business."""
    folder = here / "run"
    (folder / "performance" / "<b>&amp;").mkdir(parents=True)
    (folder / "report.html").write_text("<p>the report</p>")
    (folder / "summary.json").write_text("{}")
    (folder / "performance" / "server.log").write_text("<b>ready</b>")
    (here / "secret.txt").write_text("secret")
    (folder / "link.txt").symlink_to(here / "secret.txt")
    (folder / "up").symlink_to(here)
    (folder / "loop").symlink_to(folder / "loop")
    return folder


@pytest.fixture
def port(report: Path) -> Iterator[int]:
    """The port at which the folder is served."""
    with serving(report) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def ask(port: int, path: str, *, method: str = "GET", host: str | None = None) -> tuple[int, str, str]:
    """Status, body and headers of an answer; the path goes out as it is."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("Host", f"127.0.0.1:{port}" if host is None else host)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body, str(answer.headers)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command says that comes to nothing."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    return capsys.readouterr().err


def test_files_of_the_report_are_served_and_never_kept(port: int) -> None:
    for path, content, kind in (
        ("/report.html", "<p>the report</p>", "text/html"),
        ("/summary.json?x=/../../secret.txt", "{}", "application/json"),
        ("/performance/server.log", "<b>ready</b>", "text/plain; charset=utf-8"),
    ):
        status, body, headers = ask(port, path)
        assert (status, body) == (200, content)
        assert f"Content-type: {kind}\n" in headers
        assert "Cache-Control: no-store\n" in headers
        assert "X-Content-Type-Options: nosniff\n" in headers


def test_the_folder_itself_is_its_report(port: int) -> None:
    status, _, headers = ask(port, "/")
    assert status == 302
    assert "Location: report.html\n" in headers
    assert "Cache-Control: no-store\n" in headers


def test_a_folder_without_a_page_is_listed_with_its_names_escaped(port: int) -> None:
    status, body, _ = ask(port, "/performance/")
    assert status == 200
    assert "server.log" in body
    assert "<b>" not in body
    assert "&lt;b&gt;&amp;amp;" in body


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/performance/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e%2f%2e%2e%2fetc/passwd",
        "//etc/passwd",
        "/link.txt",
        "/up/",
        "/up/secret.txt",
        "/report.html%00.txt",
        "/loop",
        "/gone.txt",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_nothing_but_what_is_below_the_folder(port: int, path: str, method: str) -> None:
    status, body, headers = ask(port, path, method=method)
    assert status == 404
    assert "secret" not in body.replace(path, "")
    assert "Cache-Control: no-store\n" in headers


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", ""])
def test_a_page_of_another_host_cannot_read_it(port: int, host: str) -> None:
    status, body, _ = ask(port, "/report.html", host=host)
    assert status == 421
    assert "the report" not in body
    assert ask(port, "/report.html", host=f"LOCALHOST:{port}")[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_written(port: int, method: str) -> None:
    assert ask(port, "/report.html", method=method)[0] == 501


def test_it_listens_on_loopback_only(report: Path) -> None:
    with serving(report) as server:
        assert server.server_address[0] == "127.0.0.1"


def test_it_says_where_it_serves_and_ends_on_ctrl_c(report: Path) -> None:
    command = [sys.executable, "-m", "pytest_npuperf.cli", "view", str(report)]
    path = os.pathsep.join([str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")])
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            place = int(line.removeprefix("http://127.0.0.1:").split("/")[0])
            assert ask(place, "/report.html")[:2] == (200, "<p>the report</p>")
        finally:
            process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert line == f"http://127.0.0.1:{place}/ (ends on Ctrl-C)\n"


def test_wrong_arguments_serve_nothing(report: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "gone is no directory: give the folder of a run" in refused(capsys, "view", "gone")
    assert "summary.json is no directory" in refused(capsys, "view", str(report / "summary.json"))
    assert "--port 65536 is no port" in refused(capsys, "view", str(report), "--port", "65536")
    with serving(report) as server:
        taken = str(server.server_port)
        assert f"port {taken} of 127.0.0.1 cannot be had" in refused(
            capsys, "view", str(report), "--port", taken
        )
