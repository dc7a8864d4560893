from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from pytest_npuperf.errors import SettingsError
from pytest_npuperf.simulator import SimulatorSettings, add_arguments, settings_from


def parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(arguments)


def test_without_options_the_settings_are_the_defaults() -> None:
    namespace = parse()
    assert settings_from(namespace) == SimulatorSettings()
    assert namespace.truth_log is None


def test_every_setting_has_an_option() -> None:
    namespace = parse(
        *("--host", "0.0.0.0", "--port", "0", "--model", "m", "--ttft", "200ms", "--itl", "0.02"),
        *("--jitter", "0.3", "--output-tokens", "5", "--tokens-per-chunk", "4", "--seed", "7"),
        *("--startup-delay", "2 s", "--role-lead", "150 ms", "--fail-every", "3", "--break-every", "4"),
        *("--ttft-sigma", "0.4", "--max-batch", "8", "--slowdown", "0.05", "--prefill-rate", "9000"),
        *("--prefix-cache", "--output-jitter", "0.2", "--strict"),
        *(
            "--answer-model",
            "other",
            "--no-output-count",
            "--no-usage",
            "--no-done",
            "--truth-log",
            "truth.jsonl",
        ),
    )
    assert settings_from(namespace) == SimulatorSettings(
        host="0.0.0.0",
        port=0,
        model="m",
        ttft=0.2,
        itl=0.02,
        jitter=0.3,
        output_tokens=5,
        tokens_per_chunk=4,
        seed=7,
        startup_delay=2,
        role_lead=0.15,
        fail_every=3,
        break_every=4,
        ttft_sigma=0.4,
        max_batch=8,
        slowdown=0.05,
        prefill_rate=9000,
        prefix_cache=True,
        output_jitter=0.2,
        strict=True,
        answer_model="other",
        output_count=False,
        usage=False,
        done=False,
    )
    assert namespace.truth_log == Path("truth.jsonl")


@pytest.mark.parametrize(
    ("text", "value"), [("0.05", 0.05), ("50ms", 0.05), ("50 ms", 0.05), ("1s", 1), (".5 s", 0.5)]
)
def test_a_time_is_seconds_or_has_a_unit(text: str, value: float) -> None:
    assert parse("--ttft", text).ttft == value


@pytest.mark.parametrize("text", ["", "fast", "-1", "5 min", "1e3", "ms"])
def test_anything_else_is_refused_with_examples(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(f"--ttft={text}")
    assert (
        f"{text!r} is not a duration: use seconds, or a number with a unit, as in '50ms'"
        in capsys.readouterr().err
    )


def test_a_value_outside_its_range_is_refused() -> None:
    with pytest.raises(SettingsError, match="output_tokens of the simulator is 0"):
        settings_from(parse("--output-tokens", "0"))


def test_the_documentation_lists_every_option_and_no_other() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    add_arguments(parser)
    options = {option for action in parser._actions for option in action.option_strings}
    page = (Path(__file__).parents[3] / "docs" / "simulator.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(--[a-z-]+)", page, re.MULTILINE)) == options
