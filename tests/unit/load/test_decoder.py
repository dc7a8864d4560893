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
    """A workspace with one request for warmup."""
    directory = tmp_path / "workspace"
    directory.mkdir()
    plan = make_plan(warmup=1, requests=3)
    write_plan(directory, plan)
    Feed(directory, plan, [make_request(f"say {i}") for i in range(4)]).top_up(0)
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
    spool.append(1, 0, answered(1000), measured=True)
    spool.append(2, 0, Exchange(t_sent=2000, t_end=2100, failure=failures.CONNECT), measured=True)
    wait_for(lambda: Decoded(*board.get()).done == 2)
    decoded = Decoded(*board.get())
    assert (decoded.failed, decoded.ttft_sum, decoded.output_tokens) == (1, 500, 3)
    assert (decoded.failed_in_a_row, decoded.refused_in_a_row) == (1, 1)
    assert not (directory / TRACE).exists()

    spool.append(3, 0, answered(3000), measured=True)
    spool.close()

    assert tell(decoder) == (0, b"")
    decoded = Decoded(*board.get())
    assert decoded == Decoded(done=3, failed=1, ttft_sum=1000, output_tokens=6, cpu_time=decoded.cpu_time)
    assert decoded.cpu_time > 0
    assert read_trace(directory / TRACE).request_id == ("test-1", "test-2", "test-3")
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
