from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import psutil
import pytest

from pytest_npuperf.errors import LoadError
from pytest_npuperf.load.plan import LoadPlan, PlannedRequest
from pytest_npuperf.load.run import LoadRun
from pytest_npuperf.unknown import UNKNOWN
from pytest_npuperf.wire import failures
from pytest_npuperf.wire.timeouts import Timeouts

Simulate = Callable[..., Any]
Serving = Callable[..., AbstractContextManager[str]]
MakePlan = Callable[..., LoadPlan]
StartLoad = Callable[..., LoadRun]
FindWorker = Callable[[str], psutil.Process]
WaitFor = Callable[[Callable[[], object]], None]

NEVER = 600.0
"""A TTFT that no test waits for."""


def finished(run: LoadRun) -> LoadRun:
    run.wait(0.01)
    return run


def directory_of(process: psutil.Process) -> Path:
    return Path(process.cmdline()[-1])


def has_ended(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_exactly_the_planned_requests_reach_the_server(
    simulate: Simulate, make_plan: MakePlan, start_load: StartLoad
) -> None:
    simulator = simulate()

    trace = finished(start_load(make_plan(simulator.url, requests=10, warmup=3, concurrency=2))).trace()

    ids = [f"test-{number}" for number in range(13)]
    assert sorted(record.request_id for record in simulator.records) == sorted(ids)
    assert {record.request_id for record in simulator.records[:3]} == set(ids[:3]), "warmup comes first"
    assert sorted(trace.request_id) == sorted(ids[3:]), "warmup is not measured"


def test_the_trace_holds_what_the_server_did(
    simulate: Simulate, make_plan: MakePlan, start_load: StartLoad
) -> None:
    simulator = simulate()

    trace = finished(start_load(make_plan(simulator.url, requests=5, warmup=1, concurrency=2))).trace()

    records = {record.request_id: record for record in simulator.records}
    assert len(trace) == 5
    for row, request_id in enumerate(trace.request_id):
        record = records[request_id]
        assert (trace.status[row], trace.error[row], trace.error_text[row]) == (200, "", "")
        assert (trace.model[row], trace.finish_reason[row]) == ("simulated-model", "stop")
        assert (trace.input_tokens[row], trace.output_tokens[row]) == (record.prompt_tokens, 5)
        chunks = trace.chunks(row)
        # the truth is of this machine's monotonic clock too: nothing arrives before it was sent
        assert len(chunks) == len(record.stamps) == 5
        assert (chunks >= record.stamps).all()
        assert trace.t_scheduled[row] <= trace.t_sent[row] <= record.t_received
        assert trace.t_first[row] == chunks[0]
        assert trace.t_last[row] == chunks[-1] <= trace.t_end[row]
    assert (trace.t_sent[1:] >= trace.t_sent[:-1]).all()
    assert (trace.connect_ns == 0).all(), "connections are open before the first measured request"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux stamps what it receives")
def test_the_stamps_of_a_load_are_the_kernels(
    simulate: Simulate, make_plan: MakePlan, start_load: StartLoad
) -> None:
    trace = finished(start_load(make_plan(simulate().url, requests=3, warmup=1))).trace()

    assert trace.kernel_stamps
    assert (trace.chunk_lag >= 0).all()


def test_no_more_requests_are_under_way_than_there_are_clients(
    simulate: Simulate, make_plan: MakePlan, start_load: StartLoad
) -> None:
    simulator = simulate(ttft=0.02, output_tokens=20)

    trace = finished(start_load(make_plan(simulator.url, requests=20, concurrency=4))).trace()

    moments = sorted([(t, 1) for t in trace.t_sent] + [(t, -1) for t in trace.t_end])
    under_way = [sum(step for _, step in moments[: i + 1]) for i in range(len(moments))]
    assert max(under_way) == 4
    # the first four begin together: the clients do not wait for each other
    assert trace.t_sent[3] < trace.t_end.min()


def test_failed_requests_are_rows_with_their_kind(
    simulate: Simulate, make_plan: MakePlan, start_load: StartLoad
) -> None:
    run = finished(start_load(make_plan(simulate(fail_every=3, break_every=2).url, requests=6)))

    trace, progress = run.trace(), run.progress()

    kinds = ["", failures.BROKEN, failures.HTTP_STATUS, "", failures.BROKEN, failures.HTTP_STATUS]
    assert list(trace.error) == kinds
    assert trace.status.tolist() == [200, 200, 500, 200, 200, 500]
    assert trace.error_text[2].startswith("HTTP 500: ")
    assert "The simulator was told to fail." in trace.error_text[2]
    assert (progress.done, progress.failed) == (6, 4)


def test_a_server_that_is_not_there_is_a_failed_request_not_a_failed_load(
    make_plan: MakePlan, start_load: StartLoad
) -> None:
    trace = finished(start_load(make_plan("http://127.0.0.1:1", requests=2))).trace()

    assert list(trace.error) == [failures.CONNECT] * 2
    assert (trace.t_sent > 0).all()


def test_a_load_whose_server_is_gone_ends_itself(make_plan: MakePlan, start_load: StartLoad) -> None:
    run = finished(start_load(make_plan("http://127.0.0.1:1", requests=400, concurrency=4, server_gone=10)))

    # those of the other clients that were under way may have come to their end
    assert 10 <= len(run.trace()) <= 10 + 3
    assert run.progress().sent <= 10 + 4
    assert 10 <= run.progress().refused_in_a_row <= 10 + 3


def test_an_open_loop_whose_server_is_gone_does_not_wait_for_what_is_due(
    make_plan: MakePlan, make_request: Callable[..., PlannedRequest], start_load: StartLoad
) -> None:
    requests = [make_request("say", offset=0 if i < 10 else 600 * 10**9) for i in range(20)]
    plan = make_plan("http://127.0.0.1:1", requests=20, scheduled=True, concurrency=None, server_gone=10)

    run = finished(start_load(plan, requests=requests))

    assert len(run.trace()) == 10


def test_without_the_rule_everything_is_sent(make_plan: MakePlan, start_load: StartLoad) -> None:
    run = finished(start_load(make_plan("http://127.0.0.1:1", requests=40, concurrency=4)))

    assert list(run.trace().error) == [failures.CONNECT] * 40
    assert run.progress().refused_in_a_row == 40


def test_refusals_with_an_answer_between_them_are_no_row(
    make_plan: MakePlan,
    make_request: Callable[..., PlannedRequest],
    start_load: StartLoad,
    wait_for: WaitFor,
    port: int,
) -> None:
    seconds = 6 * [0] + [2] + 7 * [4]
    requests = [make_request("say", offset=second * 10**9) for second in seconds]
    plan = make_plan(
        f"http://127.0.0.1:{port}", requests=14, scheduled=True, concurrency=None, server_gone=10
    )
    run = start_load(plan, requests=requests)
    wait_for(lambda: not run.poll() and run.progress().refused_in_a_row == 6)
    with socket.create_server(("127.0.0.1", port)) as listener:
        connection, _ = listener.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    errors = list(finished(run).trace().error)

    assert errors == 6 * [failures.CONNECT] + [failures.HTTP_STATUS] + 7 * [failures.CONNECT]
    assert run.progress().refused_in_a_row == 7


def test_the_timeouts_of_the_plan_are_kept(
    simulate: Simulate, make_plan: MakePlan, start_load: StartLoad
) -> None:
    plan = make_plan(simulate(ttft=NEVER).url, requests=1, timeouts=Timeouts(first_chunk=0.1))

    assert list(finished(start_load(plan)).trace().error) == [failures.TIMEOUT_FIRST_CHUNK]


def test_progress_before_anything_ended(
    simulate: Simulate, make_plan: MakePlan, start_load: StartLoad, wait_for: WaitFor
) -> None:
    run = start_load(make_plan(simulate(ttft=NEVER).url, requests=10, concurrency=3))
    wait_for(lambda: run.poll() or run.progress().sent == 3)

    progress = run.progress()

    assert (progress.requests, progress.sent, progress.done, progress.failed) == (10, 3, 0, 0)
    assert progress.in_flight == 3
    assert progress.elapsed > 0
    assert (progress.ttft, progress.time_left) == (None, None)


def test_progress_counts_no_warmup(
    simulate: Simulate, make_plan: MakePlan, start_load: StartLoad, wait_for: WaitFor
) -> None:
    simulator = simulate(ttft=NEVER)
    run = start_load(make_plan(simulator.url, requests=10, warmup=2))
    wait_for(lambda: run.poll() or simulator.records)

    progress = run.progress()

    assert (progress.sent, progress.in_flight, progress.elapsed) == (0, 0, 0.0)
    assert progress.output_token_throughput is None


def test_progress_at_the_end_agrees_with_the_trace(
    simulate: Simulate, make_plan: MakePlan, start_load: StartLoad
) -> None:
    run = finished(start_load(make_plan(simulate().url, requests=6, warmup=1, concurrency=2)))

    progress, trace = run.progress(), run.trace()

    assert (progress.sent, progress.done, progress.in_flight) == (6, 6, 0)
    assert progress.ttft == pytest.approx((trace.t_first - trace.t_sent).mean() * 1e-9)
    assert progress.output_token_throughput is not None
    assert 0 < progress.output_token_throughput <= 30 / ((trace.t_end.max() - trace.t_sent.min()) * 1e-9)
    assert progress.time_left == 0


def test_time_left_follows_from_the_requests_that_are_done(
    simulate: Simulate, make_plan: MakePlan, start_load: StartLoad, wait_for: WaitFor
) -> None:
    run = start_load(make_plan(simulate().url, requests=100_000))
    wait_for(lambda: run.poll() or run.progress().done)

    progress = run.progress()

    expected = progress.elapsed * (100_000 - progress.done) / progress.done
    assert progress.time_left == pytest.approx(expected)


def test_stopping_keeps_what_ended_and_ends_both_processes(
    simulate: Simulate,
    make_plan: MakePlan,
    start_load: StartLoad,
    worker: FindWorker,
    wait_for: WaitFor,
) -> None:
    run = start_load(make_plan(simulate().url, requests=100_000, concurrency=2))
    processes = [worker("generator"), worker("decoder")]
    wait_for(lambda: run.poll() or run.progress().done >= 5)

    run.stop()

    assert all(has_ended(process) for process in processes)
    assert run.poll(), "it is over, and that is no error"
    trace = run.trace()
    assert 5 <= len(trace) == run.progress().done < 100_000
    assert set(trace.error) == {""}


def test_a_generator_that_does_not_stop_is_killed(
    simulate: Simulate,
    make_plan: MakePlan,
    start_load: StartLoad,
    worker: FindWorker,
    wait_for: WaitFor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pytest_npuperf.load.run._STOP_GRACE", 0.1)
    run = start_load(make_plan(simulate().url, requests=100_000))
    process = worker("generator")
    wait_for(lambda: run.poll() or run.progress().done)
    process.suspend()

    run.stop()

    assert has_ended(process)
    assert run.poll()
    assert len(run.trace()) >= 1


def test_a_generator_that_dies_is_an_error_with_the_end_of_its_log(
    simulate: Simulate,
    make_plan: MakePlan,
    start_load: StartLoad,
    worker: FindWorker,
    wait_for: WaitFor,
    log: Path,
) -> None:
    log.write_text("".join(f"line {number}\n" for number in range(30)))
    run = start_load(make_plan(simulate().url, requests=100_000))
    wait_for(lambda: run.poll() or run.progress().done)
    worker("generator").send_signal(signal.SIGKILL)

    with pytest.raises(LoadError) as caught:
        finished(run)

    first, *tail = str(caught.value).splitlines()
    told = re.fullmatch(
        r"the load generator ended with exit code -9 after (\d+) of 100000 requests; the end of (.*):", first
    )
    assert told is not None
    assert told[2] == str(log)
    assert tail == [f"line {number}" for number in range(10, 30)]
    run.stop()
    assert len(run.trace()) >= int(told[1]) > 0


def test_a_decoder_that_dies_is_an_error_with_the_end_of_the_log(
    simulate: Simulate,
    make_plan: MakePlan,
    start_load: StartLoad,
    worker: FindWorker,
    wait_for: WaitFor,
    log: Path,
) -> None:
    log.write_text("something else\n")
    run = start_load(make_plan(simulate().url, requests=100_000))
    wait_for(lambda: run.poll() or run.progress().done)
    worker("decoder").send_signal(signal.SIGKILL)

    with pytest.raises(LoadError, match=r"^the decoder ended with exit code -9 after \d+ of 100000 requests"):
        finished(run)

    run.stop()
    with pytest.raises(LoadError, match=r"^the decoder ended with exit code -9(.|\n)*\nsomething else$"):
        run.trace()


def test_an_error_inside_the_generator_is_told(make_plan: MakePlan, start_load: StartLoad) -> None:
    with pytest.raises(
        LoadError, match=r"exit code 1 after 0 of 4 requests(.|\n)*cannot resolve the host of"
    ):
        finished(start_load(make_plan("http://no..name")))


def test_closing_ends_both_processes_and_removes_their_directory(
    simulate: Simulate, make_plan: MakePlan, start_load: StartLoad, worker: FindWorker
) -> None:
    run = start_load(make_plan(simulate(ttft=NEVER).url))
    processes = [worker("generator"), worker("decoder")]
    directory = directory_of(processes[0])
    assert directory.is_dir()

    run.close()

    assert all(has_ended(process) for process in processes)
    assert not directory.exists()
    run.close()


@contextmanager
def authorizations(serving: Serving) -> Iterator[tuple[str, list[str | None], threading.Event]]:
    """A server that notes Authorization headers and answers when it is let."""
    seen: list[str | None] = []
    may_answer = threading.Event()

    def answer(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        seen.append(handler.headers["Authorization"])
        may_answer.wait(30)
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b'data: {"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}]}\n\n')

    with serving(answer) as url:
        try:
            yield url, seen, may_answer
        finally:
            may_answer.set()


def test_the_api_key_reaches_the_server_and_no_file_or_command_line(
    make_plan: MakePlan,
    start_load: StartLoad,
    worker: FindWorker,
    wait_for: WaitFor,
    log: Path,
    serving: Serving,
) -> None:
    key = "sk-it-is-a-secret"
    with authorizations(serving) as (url, seen, answer):
        run = start_load(make_plan(url, requests=1), api_key=key)
        wait_for(lambda: run.poll() or seen)
        process = worker("generator")
        files = [*directory_of(process).iterdir(), log]
        written = {file.name: file.read_bytes() for file in files}
        arguments = process.cmdline()
        decoders_environ = worker("decoder").environ()
        answer.set()
        trace = finished(run).trace()

    assert seen == [f"Bearer {key}"]
    assert trace.error == ("",)
    assert {"plan.json", "requests-000000.bodies", "load.log"} < set(written)
    assert not any(key.encode() in content for content in written.values())
    assert not any(key in argument for argument in arguments)
    assert key not in decoders_environ.values(), "who does not need it does not get it"


def test_without_an_api_key_none_is_sent(
    make_plan: MakePlan, start_load: StartLoad, serving: Serving
) -> None:
    with authorizations(serving) as (url, seen, answer):
        answer.set()
        finished(start_load(make_plan(url, requests=1)))

    assert seen == [None]


def test_the_generator_is_out_of_the_terminals_reach(
    simulate: Simulate, make_plan: MakePlan, start_load: StartLoad, worker: FindWorker
) -> None:
    """Ctrl-C goes to the foreground process group: pytest stops the load in order then."""
    start_load(make_plan(simulate(ttft=NEVER).url))

    assert os.getpgid(worker("generator").pid) != os.getpgid(0)


def test_modules_in_the_working_directory_do_not_get_in_the_way(
    simulate: Simulate,
    make_plan: MakePlan,
    start_load: StartLoad,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("asyncio", "msgspec", "httptools", "pytest_npuperf"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('taken from the working directory')")
    monkeypatch.chdir(tmp_path)

    assert len(finished(start_load(make_plan(simulate().url, requests=2))).trace()) == 2


def test_without_uvloop_the_load_runs_on_asyncio(
    simulate: Simulate,
    make_plan: MakePlan,
    start_load: StartLoad,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    log: Path,
) -> None:
    (tmp_path / "uvloop.py").write_text("print('no uvloop', flush=True)\nraise ImportError")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    trace = finished(start_load(make_plan(simulate().url, requests=3, concurrency=2))).trace()

    assert trace.error == ("",) * 3
    assert log.read_text() == "no uvloop\n"


def test_a_prompt_that_cannot_be_made_leaves_nothing_behind(
    make_plan: MakePlan, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def planned() -> Iterator[PlannedRequest]:
        yield PlannedRequest(body=b"{}")
        raise LookupError("no more prompts")

    scarce_shared_memory(monkeypatch, tmp_path)
    with pytest.raises(LookupError, match="no more prompts"):
        LoadRun(make_plan(), planned(), log=log, api_key=None)

    assert list(tmp_path.iterdir()) == []


def scarce_shared_memory(monkeypatch: pytest.MonkeyPatch, temporary: Path) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=64 << 20))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))


def test_where_shared_memory_is_scarce_the_usual_temporary_directory_serves(
    simulate: Simulate,
    make_plan: MakePlan,
    start_load: StartLoad,
    worker: FindWorker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scarce_shared_memory(monkeypatch, tmp_path)

    run = start_load(make_plan(simulate().url, requests=2))

    assert directory_of(worker("generator")).parent == tmp_path
    assert len(finished(run).trace()) == 2


def test_the_generators_use_of_the_processor_is_told(
    simulate: Simulate, make_plan: MakePlan, start_load: StartLoad
) -> None:
    run = finished(start_load(make_plan(simulate().url, requests=10, warmup=1)))

    usage, trace = run.usage(), run.trace()

    assert usage.wall_time >= trace.t_end.max() - trace.t_sent.min()
    assert 0 < usage.cpu_time < usage.wall_time
    assert usage.run_delay >= (0 if sys.platform == "linux" else UNKNOWN)


@pytest.mark.parametrize("keep", [True, False])
def test_the_generated_text_is_kept_where_the_plan_asks_for_it(
    keep: bool, simulate: Simulate, make_plan: MakePlan, start_load: StartLoad
) -> None:
    plan = msgspec.structs.replace(make_plan(simulate().url, requests=1), keep_text=keep)

    (text,) = finished(start_load(plan)).trace().text

    assert bool(text) is keep


STARTER = """
import sys
from pathlib import Path

from pytest_npuperf.load.plan import LoadPlan, PlannedRequest
from pytest_npuperf.load.run import LoadRun
from pytest_npuperf.wire.timeouts import Timeouts

plan = LoadPlan(
    base_url=sys.argv[1], concurrency=1, warmup=0, requests=1, timeouts=Timeouts(), request_id_prefix="x"
)
body = b'{"messages": [{"role": "user", "content": "say it"}], "stream": true}'
run = LoadRun(plan, [PlannedRequest(body=body)], log=Path(sys.argv[2]), api_key=None)
print("started", flush=True)
sys.stdin.read()
"""


def test_when_the_process_that_started_it_is_killed_a_load_ends_and_removes_its_directory(
    simulate: Simulate, wait_for: WaitFor, log: Path
) -> None:
    simulator = simulate(ttft=NEVER)
    command = [sys.executable, "-c", STARTER, simulator.url, str(log)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"started\n"
        wait_for(lambda: simulator.records)
        processes = psutil.Process(starter.pid).children()
        directory = directory_of(processes[0])
        starter.kill()

    assert len(processes) == 2
    wait_for(lambda: not directory.exists())
    wait_for(lambda: all(has_ended(process) for process in processes))
