"""The whole of it, against a real simulator: small, and with bounds that a busy machine keeps."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from pytest_npuperf.calibration.server import Server
from pytest_npuperf.calibration.settings import CalibrationSettings
from pytest_npuperf.calibration.step import run_step
from pytest_npuperf.cli import main
from pytest_npuperf.errors import NpuperfError

SETTINGS = CalibrationSettings(streams=(4,), duration=0.6, ttft=0.05, itl=0.01)


def test_a_step_measures_what_the_server_did() -> None:
    with Server.run(SETTINGS, None) as server:
        step = run_step(server, SETTINGS, 4, processor=None)
        assert server.take_answered() == [], "the next step begins afresh"

    tokens = 3 * 4 * SETTINGS.output_tokens
    assert step.failures == {}
    assert step.token_rate_asked == pytest.approx(4 * 16 / 0.2)
    assert 0 < step.token_rate <= step.token_rate_asked
    assert step.generator_cpu > 0
    assert step.decoder_cpu > 0
    assert step.errors.ttft.n == step.errors.e2el.n == step.errors.request.n == 12
    assert step.errors.itl.n == tokens - 12
    assert step.server_lag.n == tokens
    assert step.server_lag.median is not None
    assert step.server_lag.median >= 0
    # far from the 10 ms between two chunks: they were matched with their own
    assert step.errors.ttft.median is not None
    assert step.errors.ttft.median < 0.005


def test_a_server_that_is_late_by_more_than_an_itl_is_full() -> None:
    serves_slowly = CalibrationSettings(duration=0.6, ttft=0.05, itl=0.01)
    expected_sooner = CalibrationSettings(duration=0.6, ttft=0.03, itl=0.01)
    with Server.run(serves_slowly, None) as server:
        assert run_step(server, expected_sooner, 1, processor=None).server_is_full


def test_a_simulator_that_does_not_start_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")

    with (
        pytest.raises(NpuperfError, match=r"^the simulator did not start; `npuperf simulate` must run here"),
        Server.run(SETTINGS, None),
    ):
        pass


def test_the_command_prints_its_table_and_writes_its_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "calibration.json"

    code = main(["calibrate", "--streams=2", "--duration=0.6", f"--json={path}"])

    out, err = capsys.readouterr()
    assert code == 0
    assert "2 streams, 160 token/s" in err
    assert "TTFT error" in out
    assert "Capacity of the client: " in out
    (step,) = json.loads(path.read_text())["steps"]
    assert step["streams"] == 2


def test_a_bad_option_is_said_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["calibrate", "--duration=0.1"])

    assert ended.value.code == 2
    assert "npuperf: error: --duration is 0.1 s, but 3 answers" in capsys.readouterr().err
