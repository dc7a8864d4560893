from __future__ import annotations

import subprocess
import sys
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_npuperf.load.boards import Decoded, decoded_board
from pytest_npuperf.load.feed import Feed
from pytest_npuperf.load.plan import LoadPlan, PlannedRequest
from pytest_npuperf.load.spool import SpoolWriter
from pytest_npuperf.load.standard_input import END
from pytest_npuperf.load.trace_file import read_trace
from pytest_npuperf.load.workspace import TRACE, write_plan
from pytest_npuperf.wire import failures
from pytest_npuperf.wire.exchange import Exchange

WaitFor = Callable[[Callable[[], object]], None]

BODY = (
    b'data: {"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}], '
    b'"usage": {"prompt_tokens": 2, "completion_tokens": 3}}\n\n'
)


def answered(t_sent: int) -> Exchange:
    """One chunk of three tokens, 500 ns after it was sent."""
    return Exchange(
        t_sent=t_sent,
        t_end=t_sent + 700,
        status=200,
        body=bytearray(BODY),
        reads=array("q", [len(BODY), t_sent + 500, 0, 1]),
    )


@pytest.fixture
def directory(
    tmp_path: Path, make_plan: Callable[..., LoadPlan], make_request: Callable[..., PlannedRequest]
) -> Path:
    """A workspace with two requests for warmup."""
    directory = tmp_path / "workspace"
    directory.mkdir()
    plan = make_plan(warmup=2, requests=3)
    write_plan(directory, plan)
    Feed(directory, plan, [make_request(f"say {i}") for i in range(5)]).top_up(0)
    return directory


@pytest.fixture
def decoder(directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "pytest_npuperf.load.decoder", str(directory)]
    with subprocess.Popen(command, bufsize=0, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        yield process


def tell(decoder: subprocess.Popen[bytes]) -> tuple[int, bytes]:
    """Tells it to come to its end; its exit code and what it said of errors."""
    assert decoder.stdin is not None
    assert decoder.stderr is not None
    decoder.stdin.write(END)
    return decoder.wait(30), decoder.stderr.read()


def test_what_is_spooled_is_decoded_at_once_and_written_at_the_end(
    directory: Path, decoder: subprocess.Popen[bytes], wait_for: WaitFor
) -> None:
    board = decoded_board(directory)
    spool = SpoolWriter(directory)
    spool.append(0, 0, answered(0), measured=False)
    spool.append(2, 0, answered(1000), measured=True)
    spool.append(3, 0, Exchange(t_sent=2000, t_end=2100, failure=failures.CONNECT), measured=True)
    wait_for(lambda: Decoded(*board.get()).done == 2)
    decoded = Decoded(*board.get())
    assert (decoded.failed, decoded.ttft_sum, decoded.output_tokens) == (1, 500, 3)
    assert decoded.failed_in_a_row == 1
    assert not (directory / TRACE).exists()

    spool.append(4, 0, answered(3000), measured=True)
    spool.close()

    assert tell(decoder) == (0, b"")
    decoded = Decoded(*board.get())
    assert decoded == Decoded(
        done=3,
        failed=1,
        failed_in_a_row=1,
        ttft_sum=1000,
        output_tokens=6,
        cpu_time=decoded.cpu_time,
        warmed_up=1,
        warmup_since=0,
        warmup_until=700,
    )
    assert decoded.cpu_time > 0
    assert read_trace(directory / TRACE).request_id == ("test-2", "test-3", "test-4")
    board.close()


def test_the_warmup_is_all_of_its_requests_and_no_other(
    directory: Path, decoder: subprocess.Popen[bytes]
) -> None:
    board, spool = decoded_board(directory), SpoolWriter(directory)
    # in order of their end: 2 is measured, 3 is of the cooldown
    for number, t_sent in ((1, 2000), (2, 500), (0, 1500), (3, 9000)):
        spool.append(number, 0, answered(t_sent), measured=number == 2)
    spool.close()

    assert tell(decoder) == (0, b"")
    decoded = Decoded(*board.get())
    assert (decoded.warmed_up, decoded.warmup_since, decoded.warmup_until) == (2, 1500, 2700)
    assert decoded.done == 1
    board.close()


def test_what_was_worst_is_kept_when_it_is_over(
    tmp_path: Path, make_plan: Callable[..., LoadPlan], make_request: Callable[..., PlannedRequest]
) -> None:
    plan = make_plan(requests=100)
    write_plan(tmp_path, plan)
    Feed(tmp_path, plan, [make_request(f"say {i}") for i in range(100)]).top_up(0)
    board, spool = decoded_board(tmp_path), SpoolWriter(tmp_path)
    # . succeeds, F fails, C is given up by the client
    for number, outcome in enumerate("FF" + 20 * "." + "FFFCF" + 73 * "."):
        kind = {".": "", "F": failures.BROKEN, "C": failures.CANCELLED}[outcome]
        exchange = Exchange(t_sent=number, t_end=number, failure=kind) if kind else answered(number)
        spool.append(number, 0, exchange, measured=True)
    spool.close()
    command = [sys.executable, "-m", "pytest_npuperf.load.decoder", str(tmp_path)]
    with subprocess.Popen(command, bufsize=0, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as decoder:
        assert tell(decoder) == (0, b"")

    decoded = Decoded(*board.get())
    assert (decoded.done, decoded.failed, decoded.failed_in_a_row) == (100, 6, 3)
    # two of two is not judged: too few had ended
    assert (decoded.peak_failed, decoded.peak_done) == (6, 27)
    board.close()


def test_without_a_spool_the_trace_is_empty(directory: Path, decoder: subprocess.Popen[bytes]) -> None:
    assert tell(decoder) == (0, b"")
    assert len(read_trace(directory / TRACE)) == 0


def test_the_end_of_its_input_ends_the_decoder_which_then_removes_the_directory(
    directory: Path, decoder: subprocess.Popen[bytes]
) -> None:
    _, errors = decoder.communicate(timeout=30)

    assert (decoder.returncode, errors) == (0, b"")
    assert not directory.exists()
