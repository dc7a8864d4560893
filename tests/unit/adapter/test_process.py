from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

import pytest_npuperf
from pytest_npuperf.adapter.port import is_free
from pytest_npuperf.adapter.process import Status, SupervisedProcess, exit_text, run
from pytest_npuperf.errors import DeployError

WaitFor = Callable[[Callable[[], object]], None]
Start = Callable[..., SupervisedProcess]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "deploy.log"


@pytest.fixture
def start(adapter: Path, log: Path) -> Iterator[Start]:
    """Start a shell command; everything is stopped at the end."""
    started: list[SupervisedProcess] = []

    def start(command: str, **options: float) -> SupervisedProcess:
        env = {**os.environ, "PYTHON": sys.executable}
        process = SupervisedProcess(["sh", "-c", command], cwd=adapter, env=env, log=log, **options)
        started.append(process)
        return process

    yield start
    for process in started:
        process.stop()


def ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def supervisor_of(process: SupervisedProcess) -> psutil.Process:
    supervisor = psutil.Process(process.poll().pid).parent()
    assert supervisor is not None
    return supervisor


def test_exit_code_and_end_are_reported(start: Start, wait_for: WaitFor) -> None:
    process = start("exit 3")
    wait_for(lambda: process.poll(0.1).over)
    status = process.poll()
    assert status == Status(pid=status.pid, code=3, over=True)


def test_output_is_appended_to_the_log(start: Start, log: Path, wait_for: WaitFor) -> None:
    log.write_text("before\n")
    process = start("echo out; echo err >&2; cat; echo done")
    wait_for(lambda: process.poll(0.1).over)
    assert log.read_text() == "before\nout\nerr\ndone\n"


def test_the_command_has_a_session_of_its_own_and_its_directory(
    start: Start, adapter: Path, log: Path, wait_for: WaitFor
) -> None:
    process = start('pwd; exec "$PYTHON" -c "import os; print(os.getsid(0) == os.getpgid(0) == os.getpid())"')
    wait_for(lambda: process.poll(0.1).over)
    assert log.read_text().split() == [str(adapter), "True"]


def test_the_supervisor_is_out_of_reach_of_the_terminal(start: Start, wait_for: WaitFor) -> None:
    process = start("sleep 600")
    wait_for(lambda: process.poll(0.1).pid)
    supervisor = supervisor_of(process)
    assert os.getsid(supervisor.pid) == supervisor.pid


def test_what_is_left_in_the_background_keeps_it_from_being_over(start: Start, wait_for: WaitFor) -> None:
    process = start("sleep 600 & exit 0")
    wait_for(lambda: process.poll(0.1).code == 0)
    assert not process.poll(0.2).over
    process.stop()
    assert process.poll().over


def test_a_signal_is_a_negative_exit_code(start: Start, wait_for: WaitFor) -> None:
    process = start("kill -9 $$")
    wait_for(lambda: process.poll(0.1).over)
    assert process.poll().code == -9


def test_a_command_that_does_not_exist_is_a_failure(adapter: Path, log: Path, wait_for: WaitFor) -> None:
    process = SupervisedProcess(["/no/such\r"], cwd=adapter, env={}, log=log)
    wait_for(lambda: process.poll(0.1).over)
    process.stop()
    assert process.poll() == Status(failure="No such file or directory: '/no/such\\r'", over=True)


def test_stop_sends_one_sigterm_to_each_process(
    start: Start, adapter: Path, log: Path, wait_for: WaitFor
) -> None:
    counter = """
import os, signal, sys, time
caught = []
signal.signal(signal.SIGTERM, lambda *_: caught.append(1))
if sys.argv[1] == "setsid":
    os.setsid()
print("ready", flush=True)
while not caught:
    time.sleep(0.01)
time.sleep(0.3)
print("caught", len(caught), flush=True)
"""
    (adapter / "counter.py").write_text(counter)
    process = start(
        '"$PYTHON" counter.py stay & "$PYTHON" counter.py setsid & trap "" TERM; wait', grace=30.0
    )
    wait_for(lambda: log.read_text().split().count("ready") == 2)
    process.stop()
    assert log.read_text().splitlines().count("caught 1") == 2


def test_stop_ends_what_hides_and_ignores_sigterm(start: Start, adapter: Path, wait_for: WaitFor) -> None:
    process = start('"$PYTHON" hider.py pid; exit 0', grace=0.2)
    wait_for((adapter / "pid").exists)
    hider = int((adapter / "pid").read_text())
    assert not ended(hider)
    process.stop()
    assert ended(hider)
    assert process.poll().over


def test_stop_ends_processes_that_fork_while_they_are_killed(
    start: Start, adapter: Path, wait_for: WaitFor
) -> None:
    # Each process lives for 20 ms and is followed by another one outside of the process group.
    chain = """
import os, pathlib, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path("running").touch()
end = time.monotonic() + 30
while time.monotonic() < end:
    time.sleep(0.02)
    if os.fork():
        os._exit(0)
    os.setsid()
"""
    (adapter / "chain.py").write_text(chain)
    one = '"$PYTHON" chain.py &'
    process = start(f"{one} {one} {one} {one} wait", grace=0.0)
    wait_for((adapter / "running").exists)
    process.stop()
    assert process.poll().over
    assert not [found for found in psutil.process_iter(["cwd"]) if found.info["cwd"] == str(adapter)]


def test_stop_right_after_the_start_leaves_nothing(start: Start, log: Path) -> None:
    process = start("sleep 600")
    process.stop()
    status = process.poll()
    assert status.over
    assert not status.failure
    assert log.read_text() == ""


def test_stop_can_be_called_again(start: Start, wait_for: WaitFor) -> None:
    process = start("sleep 600")
    wait_for(lambda: process.poll(0.1).pid)
    process.stop()
    status = process.poll()
    process.stop()
    assert process.poll() == status == Status(pid=status.pid, code=-signal.SIGTERM, over=True)


def test_processes_that_cannot_be_ended_are_named(
    tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor = tmp_path / "supervisor.py"
    supervisor.write_text("""print('{"event": "stuck", "pids": [11, 12]}')""")
    monkeypatch.setattr("pytest_npuperf.adapter.process._SUPERVISOR", supervisor)
    process = SupervisedProcess(["true"], cwd=tmp_path, env={}, log=log)
    with pytest.raises(
        DeployError, match=r"could not end every process: the processes 11, 12 outlived SIGKILL"
    ):
        process.stop()


def test_a_supervisor_that_was_killed_is_noticed_and_the_group_is_ended(
    start: Start, wait_for: WaitFor
) -> None:
    process = start("sleep 600 & sleep 600")
    wait_for(lambda: process.poll(0.1).pid)
    pid = process.poll().pid
    assert pid is not None
    supervisor = supervisor_of(process)
    supervisor.kill()
    wait_for(lambda: process.poll(0.1).over)
    assert process.poll().failure == f"its supervisor, process {supervisor.pid}, ended with signal SIGKILL"
    wait_for(lambda: ended(pid))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_supervisor_that_is_asked_to_end_ends_everything(
    start: Start, wait_for: WaitFor, number: signal.Signals
) -> None:
    process = start("sleep 600")
    wait_for(lambda: process.poll(0.1).pid)
    pid = process.poll().pid
    assert pid is not None
    supervisor = supervisor_of(process)
    supervisor.send_signal(number)
    wait_for(lambda: process.poll(0.1).over)
    assert ended(pid)


OWNER = """
import os, sys, time
from pathlib import Path
from pytest_npuperf.adapter.process import SupervisedProcess

process = SupervisedProcess(sys.argv[2:], cwd=Path.cwd(), env=dict(os.environ), log=Path("log"), grace=0.5)
forked = 0
if sys.argv[1] != "alone":
    forked = os.fork()
    if forked:
        Path("forked").write_text(str(forked))
if sys.argv[1] == "stopping" and forked:
    process.stop()
    os._exit(0)
time.sleep(600)
"""


@contextlib.contextmanager
def owner(adapter: Path, kind: str, command: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that runs a shell command under a supervisor."""
    root = Path(pytest_npuperf.__file__).parents[1]
    argv = [sys.executable, "-c", OWNER, kind, "sh", "-c", command]
    process = subprocess.Popen(argv, cwd=adapter, env={**os.environ, "PYTHONPATH": str(root)})
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if (adapter / "forked").exists():
            os.kill(int((adapter / "forked").read_text()), signal.SIGKILL)


@pytest.mark.parametrize(
    "kind",
    [
        "alone",
        # A child that the owner forked holds its pipes open.
        pytest.param("forked", marks=pytest.mark.skipif(sys.platform != "linux", reason="needs a pidfd")),
    ],
)
def test_nothing_is_left_when_the_owner_is_killed(
    adapter: Path, port: int, wait_for: WaitFor, kind: str
) -> None:
    command = f'"{sys.executable}" hider.py pid; exec "{sys.executable}" server.py {port}'
    with owner(adapter, kind, command) as process:
        wait_for(lambda: not is_free(port) and (kind == "alone" or (adapter / "forked").exists()))
        process.kill()
        process.wait()
        wait_for(lambda: is_free(port))
        wait_for(lambda: ended(int((adapter / "pid").read_text())))


def test_stop_does_not_wait_for_a_forked_process_that_holds_the_pipes(adapter: Path) -> None:
    with owner(adapter, "stopping", "sleep 600") as process:
        assert process.wait(timeout=60) == 0


def test_run_returns_the_exit_code_and_ticks(adapter: Path, log: Path) -> None:
    ticks: list[float] = []
    code = run(["sh", "-c", "sleep 0.1; exit 5"], cwd=adapter, env=os.environ, log=log, tick=ticks.append)
    assert code == 5
    assert ticks == sorted(ticks)
    assert ticks


def test_run_ends_what_the_command_left(adapter: Path, log: Path) -> None:
    command = "sleep 600 & echo $!"
    assert run(["sh", "-c", command], cwd=adapter, env=os.environ, log=log, tick=lambda _: None) == 0
    assert ended(int(log.read_text().split()[0]))


def test_run_says_what_could_not_be_run(adapter: Path, log: Path) -> None:
    with pytest.raises(DeployError, match="/no/such could not be run: No such file or directory: '/no/such'"):
        run(["/no/such"], cwd=adapter, env={}, log=log, tick=lambda _: None)


def test_run_ends_the_command_when_it_is_interrupted(adapter: Path, log: Path) -> None:
    def interrupt(_: float) -> None:
        if log.read_text():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(["sh", "-c", "echo $$; exec sleep 600"], cwd=adapter, env=os.environ, log=log, tick=interrupt)
    assert ended(int(log.read_text().split()[0]))


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (1, "exit code 1"),
        (-9, "signal SIGKILL"),
        (137, "exit code 137 (SIGKILL)"),
        (128, "exit code 128"),
        (255, "exit code 255"),
    ],
)
def test_exit_codes_in_words(code: int, text: str) -> None:
    assert exit_text(code) == text
