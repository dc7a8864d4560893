from __future__ import annotations

import argparse
from typing import Any

import pytest

from pytest_npuperf.calibration.settings import CalibrationSettings, add_arguments, settings_from
from pytest_npuperf.errors import SettingsError


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(arguments)


def test_without_options_the_defaults_hold() -> None:
    namespace = parsed()

    assert settings_from(namespace) == CalibrationSettings()
    assert namespace.json is None


def test_every_option_is_a_setting() -> None:
    namespace = parsed("--streams=4,8", "--duration=6s", "--ttft=100ms", "--itl=20ms", "--json=x.json")

    assert settings_from(namespace) == CalibrationSettings(streams=(4, 8), duration=6, ttft=0.1, itl=0.02)
    assert str(namespace.json) == "x.json"


def test_a_step_has_three_answers_a_stream_that_fill_its_time() -> None:
    settings = CalibrationSettings(duration=3.0, ttft=0.05, itl=0.01)

    assert settings.output_tokens == 96
    assert settings.answer_time == pytest.approx(1.0)
    assert settings.requests(64) == 192
    assert settings.token_rate(64) == pytest.approx(64 * 96)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"streams": ()}, r"--streams is \(\): use numbers of streams, each at least 1"),
        ({"streams": (64, 0)}, r"--streams is \(64, 0\): use numbers of streams, each at least 1"),
        (
            {"duration": 0.17},
            "--duration is 0.17 s, but 3 answers with a TTFT of 0.05 s and an ITL of 0.01 s "
            "need at least 0.18 s",
        ),
    ],
)
def test_values_outside_their_range_are_errors(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=f"^{message}$"):
        CalibrationSettings(**fields)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--streams=64;128", "'64;128' is not a list of numbers: use commas between them, as in 64,128"),
        ("--itl=fast", "'fast' is not a duration: allowed are "),
    ],
)
def test_malformed_options_are_errors(
    argument: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parsed(argument)
    assert message in capsys.readouterr().err
