from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from pytest_npuperf.adapter import DeploySettings, deploy
from pytest_npuperf.adapter.port import is_free
from pytest_npuperf.errors import AdapterError, DeployError, NotReadyError

MakeSettings = Callable[..., DeploySettings]
WaitFor = Callable[[Callable[[], object]], None]

SERVE = 'exec "$PYTHON" server.py "$PORT"\n'


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    return tmp_path / "report" / "logs"


def write_script(adapter: Path, text: str) -> None:
    (adapter / "deploy.sh").write_text(text)


def silent(_: str) -> None:
    pass


def no_process_in(directory: Path) -> bool:
    """Whether no process works in the directory, as everything that deploy.sh starts does."""
    return not [process for process in psutil.process_iter(["cwd"]) if process.info["cwd"] == str(directory)]


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(SERVE, id="no first line"),
        pytest.param(f"#!/bin/sh\nset -e\n{SERVE}", id="foreground"),
        pytest.param('#!/usr/bin/env bash\n("$PYTHON" server.py "$PORT" &)\n', id="background"),
    ],
)
def test_a_server_is_deployed_and_stopped(
    adapter: Path, settings: MakeSettings, logs: Path, script: str
) -> None:
    write_script(adapter, script)
    given = settings()
    texts: list[str] = []
    deployment = deploy(given, logs=logs, notify=texts.append)
    try:
        assert deployment.served.base_url == f"http://127.0.0.1:{given.port}"
        assert deployment.served.model == str(given.model)
        assert deployment.served.listed == ()
        assert deployment.exited() is None
        assert deployment.log == logs / "deploy.log"
        assert texts[0] == "no requirements.txt: installation skipped"
    finally:
        deployment.stop()
    assert deployment.log.read_text() == "serving\n"
    assert deployment.exited() is not None
    assert is_free(given.port)
    assert no_process_in(adapter)
    # Another run may have the port by now: stopping again does not look at it.
    with socket.create_server(("127.0.0.1", given.port)):
        deployment.stop()


def test_the_script_sees_model_path_and_an_empty_input(
    adapter: Path, settings: MakeSettings, logs: Path
) -> None:
    write_script(adapter, f'cat; echo "$MODEL_PATH $EXTRA $PWD"; {SERVE}')
    given = settings(env={"EXTRA": "more"})
    deployment = deploy(given, logs=logs, notify=silent)
    deployment.stop()
    assert deployment.log.read_text().splitlines()[0] == f"{given.model} more {adapter}"


def test_a_server_that_dies_later_is_noticed(
    adapter: Path, settings: MakeSettings, logs: Path, wait_for: WaitFor
) -> None:
    write_script(adapter, '"$PYTHON" server.py "$PORT" &\necho $! > pid\nwait $!\nexit 7\n')
    deployment = deploy(settings(), logs=logs, notify=silent)
    try:
        psutil.Process(int((adapter / "pid").read_text())).kill()
        wait_for(lambda: deployment.exited() is not None)
        assert deployment.exited() == 7
    finally:
        deployment.stop()


def test_progress_shows_the_last_line_of_the_log_without_the_key(
    adapter: Path, settings: MakeSettings, logs: Path
) -> None:
    write_script(adapter, "echo loading with sk-secret\nsleep 600\n")
    given = settings(ready_timeout=1.6, api_key="sk-secret")
    texts: list[str] = []
    with pytest.raises(NotReadyError) as caught:
        deploy(given, logs=logs, notify=texts.append)
    url = f"http://127.0.0.1:{given.port}"
    assert texts[-1].startswith(f"waiting for {url}: 1 s, no connection: ")
    assert texts[-1].endswith(", last log line: loading with ***")
    first, *tail = str(caught.value).splitlines()
    assert first.startswith(f"{url} was not ready after ")
    assert tail == [f"The last lines of {logs / 'deploy.log'}:", "  loading with ***"]
    assert no_process_in(adapter)


def test_a_script_that_fails_shows_its_exit_code_and_the_end_of_its_log(
    adapter: Path, settings: MakeSettings, logs: Path
) -> None:
    # What it left in the background does not hide the failure.
    lines = "for i in $(seq 100); do echo line $i; done"
    write_script(adapter, f"sleep 600 &\n{lines}\necho key sk-secret\nexit 3\n")
    with pytest.raises(DeployError) as caught:
        deploy(settings(api_key="sk-secret"), logs=logs, notify=silent)
    first, header, *tail = str(caught.value).splitlines()
    assert first == "deploy.sh ended with exit code 3 before its server was ready."
    assert header == f"The last lines of {logs / 'deploy.log'}:"
    assert tail == [*(f"  line {n}" for n in range(62, 101)), "  key ***"]
    assert no_process_in(adapter)


def test_a_script_that_leaves_nothing_running_fails_at_once(
    adapter: Path, settings: MakeSettings, logs: Path
) -> None:
    write_script(adapter, "echo done\n")
    with pytest.raises(DeployError, match=r"exit code 0 and left nothing running.*background\.\n.*\n  done$"):
        deploy(settings(), logs=logs, notify=silent)


def test_an_interpreter_that_does_not_exist_is_named(
    adapter: Path, settings: MakeSettings, logs: Path
) -> None:
    (adapter / "deploy.sh").write_bytes(b"#!/bin/sh\r\necho\r\n")
    with pytest.raises(DeployError) as caught:
        deploy(settings(), logs=logs, notify=silent)
    assert "deploy.sh could not be run: No such file or directory: '/bin/sh\\r'. Check" in str(caught.value)


def test_a_server_that_is_refused_is_ended(adapter: Path, settings: MakeSettings, logs: Path) -> None:
    server = (adapter / "server.py").read_text().replace("do_POST", "do_NOTHING")
    (adapter / "server.py").write_text(server)
    write_script(adapter, SERVE)
    given = settings()
    with pytest.raises(NotReadyError, match=r"(?s)answered 501: performance evaluation needs .*  serving$"):
        deploy(given, logs=logs, notify=silent)
    assert is_free(given.port)
    assert no_process_in(adapter)


def test_ctrl_c_ends_what_was_started(adapter: Path, settings: MakeSettings, logs: Path) -> None:
    def interrupt(text: str) -> None:
        if text.startswith("waiting"):
            raise KeyboardInterrupt

    write_script(adapter, "sleep 600\n")
    with pytest.raises(KeyboardInterrupt):
        deploy(settings(), logs=logs, notify=interrupt)
    assert no_process_in(adapter)


def test_nothing_starts_while_the_port_is_taken(adapter: Path, settings: MakeSettings, logs: Path) -> None:
    write_script(adapter, "touch started\n")
    given = settings()
    with (
        socket.create_server(("127.0.0.1", given.port)),
        pytest.raises(DeployError, match=rf"port {given.port} must be free .* process {os.getpid()} "),
    ):
        deploy(given, logs=logs, notify=silent)
    assert not (adapter / "started").exists()


def test_nothing_starts_without_a_script_or_with_weights_over_the_limit(
    adapter: Path, settings: MakeSettings, logs: Path
) -> None:
    given = settings()
    with pytest.raises(AdapterError, match=r"holds no file deploy\.sh"):
        deploy(given, logs=logs, notify=silent)
    write_script(adapter, "touch started\n")
    (given.model / "weights").touch()
    os.truncate(given.model / "weights", 101 * 10**9)
    with pytest.raises(AdapterError, match=r"take 101\.00 GB"):
        deploy(given, logs=logs, notify=silent)
    assert not (adapter / "started").exists()
    assert not logs.exists()
