"""The simulator as a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from pytest_npuperf.errors import SettingsError
from pytest_npuperf.simulator import SimulatorSettings, serve

SERVE = """
import sys
from pathlib import Path
from pytest_npuperf.simulator import SimulatorSettings, serve
settings = SimulatorSettings(port=0, ttft=0.01, itl=0.001, model="m")
serve(settings, truth_log=Path(sys.argv[1]), announce=lambda line: print(line, flush=True))
"""
WITHOUT_UVLOOP = "import sys; sys.modules['uvloop'] = None"


@contextmanager
def serving(truth_log: Path, *, before: str = "") -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A serving process and its base URL."""
    command = [sys.executable, "-c", before + SERVE, str(truth_log)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            name, _, url = process.stdout.readline().strip().partition(" at ")
            assert name == "m"
            yield process, url
        finally:
            process.kill()


@pytest.mark.parametrize("before", ["", WITHOUT_UVLOOP], ids=["uvloop", "asyncio"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_the_truth_is_written(
    tmp_path: Path, number: signal.Signals, before: str
) -> None:
    truth_log = tmp_path / "truth.jsonl"
    with serving(truth_log, before=before) as (process, url), httpx.Client(trust_env=False) as http:
        for tokens in (5, 6):
            request = {"messages": [{"role": "user", "content": "hi"}], "stream": True, "max_tokens": tokens}
            assert http.post(f"{url}/chat/completions", json=request).status_code == 200
        process.send_signal(number)
        assert process.wait(20) == 0
    first, second = (json.loads(line) for line in truth_log.read_text().splitlines())
    assert (first["tokens"], second["tokens"]) == (5, 6)
    assert len(first["stamps"]) == 5
    assert first["t_received"] < first["t_first"] < first["t_last"] < second["t_received"]


def test_a_truth_log_that_cannot_be_written_is_an_error_before_it_serves(tmp_path: Path) -> None:
    missing = tmp_path / "missing" / "truth.jsonl"
    with pytest.raises(
        SettingsError, match=r"truth\.jsonl cannot be written: No such file or directory; choose another"
    ):
        serve(SimulatorSettings(port=0), truth_log=missing, announce=lambda _: pytest.fail("it serves"))
