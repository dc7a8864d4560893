from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_npuperf.calibration.processors import Processors
from pytest_npuperf.calibration.report import as_text, write_json
from pytest_npuperf.calibration.settings import CalibrationSettings
from pytest_npuperf.calibration.step import Step
from pytest_npuperf.calibration.steps import Calibration
from pytest_npuperf.errors import SettingsError

MakeStep = Callable[..., Step]


PINNED = Processors(0, 1)


def calibration(*steps: Step, processors: Processors = PINNED) -> Calibration:
    return Calibration(CalibrationSettings(), processors, steps)


def test_the_table_has_a_row_a_step(make_step: MakeStep) -> None:
    rows = as_text(calibration(make_step(64), make_step(128, state="suspect"))).splitlines()[3:5]

    cells = [row.split() for row in rows]
    errors = ["0.200,", "0.298", "0.002,", "0.003", "-,", "-", "2.000,", "2.000"]
    assert cells[0] == ["64", "6,400", "6,336", "10.0", "2.0", *errors, "1.000", "ok"]
    assert cells[1] == ["128", "12,800", "12,672", "10.0", "2.0", *errors, "1.000", "suspect"]


@pytest.mark.parametrize(
    ("special", "conclusion"),
    [
        ({}, "Capacity of the client: at least 12,672 token/s; no step reached a limit."),
        (
            {"server_is_full": True},
            "Capacity of the client: at least 6,336 token/s; "
            "at 128 streams the simulator is full: it sends its chunks late.",
        ),
        (
            {"state": "invalid", "reasons": ("a", "b")},
            "Capacity of the client: 6,336 token/s; at 128 streams the client is invalid: a; b.",
        ),
    ],
)
def test_the_last_line_is_the_capacity_and_what_limits_it(
    make_step: MakeStep, special: dict[str, object], conclusion: str
) -> None:
    text = as_text(calibration(make_step(64), make_step(128, **special)))

    assert text.splitlines()[-1] == conclusion


def test_without_a_clean_step_the_capacity_is_unknown(make_step: MakeStep) -> None:
    text = as_text(calibration(make_step(64, state="suspect", reasons=("why",))))

    assert text.endswith("\nCapacity of the client: unknown; at 64 streams the client is suspect: why.")


@pytest.mark.parametrize(
    ("processors", "line"),
    [
        (Processors(0, 1), "The server ran on processor 0, the client on processor 1."),
        (
            Processors(None, None),
            "Server and client shared the processors: there is only one, or no way to choose.",
        ),
    ],
)
def test_it_says_where_both_sides_ran(make_step: MakeStep, processors: Processors, line: str) -> None:
    assert line in as_text(calibration(make_step(64), processors=processors)).splitlines()


def test_the_file_has_the_same_figures_in_seconds(make_step: MakeStep, tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"

    write_json(path, calibration(make_step(64), make_step(128, state="suspect", reasons=("why",))))

    data = json.loads(path.read_text())
    assert (data["capacity"], data["capacity_is_lower_bound"]) == (6336, False)
    assert data["limit"] == "at 128 streams the client is suspect: why"
    assert data["processors"] == {"server": 0, "client": 1}
    first, second = data["steps"]
    assert first["errors"]["ttft"] == {
        "n": 2,
        "p50": pytest.approx(0.0002),
        "p99": pytest.approx(0.000298),
        "max": 0.0003,
    }
    assert first["errors"]["e2el"] == {"n": 0, "p50": None, "p99": None, "max": None}
    assert (first["generator_cpu_per_token"], first["decoder_cpu_per_token"]) == (10e-6, 2e-6)
    assert (second["client"], second["reasons"], second["server_is_full"]) == ("suspect", ["why"], False)


def test_a_file_that_cannot_be_written_is_an_error(make_step: MakeStep, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^--json .*/missing/x.json cannot be written: No such file"):
        write_json(tmp_path / "missing" / "x.json", calibration(make_step(64)))
