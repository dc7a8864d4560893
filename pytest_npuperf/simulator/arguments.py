"""The command line of the simulator."""

from __future__ import annotations

import argparse
import re
from dataclasses import fields
from pathlib import Path

from pytest_npuperf.simulator.settings import SimulatorSettings

__all__ = ["add_arguments", "settings_from"]

_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+) *(ms|s|)")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds an option for every setting, and ``--truth-log`` (a Path, or None)."""
    add = parser.add_argument
    add("--host", help="address to listen on (%(default)s)")
    add("--port", type=int, metavar="N", help="port to listen on, 0 for a free one (%(default)s)")
    add("--model", metavar="NAME", help="model to serve (%(default)s)")
    add("--answer-model", metavar="NAME", help="answer by this name, not by that of the model")
    add(
        "--ttft",
        type=_seconds,
        metavar="TIME",
        help="time to the first chunk: '50ms' or seconds (%(default)s)",
    )
    add("--itl", type=_seconds, metavar="TIME", help="time between two chunks (%(default)s)")
    add("--jitter", type=float, metavar="SIGMA", help="relative, lognormal spread of both (%(default)s)")
    add(
        "--ttft-sigma",
        type=float,
        metavar="SIGMA",
        help="relative, lognormal spread of the TTFT alone, 0 for --jitter's (%(default)s)",
    )
    add(
        "--max-batch",
        type=int,
        metavar="N",
        help="most requests answered at once, the others wait; 0 for no limit (%(default)s)",
    )
    add(
        "--slowdown",
        type=float,
        metavar="SHARE",
        help="make the ITL longer by this share for each other request being answered (%(default)s)",
    )
    add(
        "--prefill-rate",
        type=float,
        metavar="N",
        help="add the time of the prompt's tokens to the TTFT, at N token/s; 0 for none (%(default)s)",
    )
    add("--prefix-cache", action="store_true", help="cache prompts: report cached_tokens, skip their prefill")
    add(
        "--output-tokens",
        type=int,
        metavar="N",
        help="length of an answer; max_tokens shortens it (%(default)s)",
    )
    add(
        "--output-jitter",
        type=float,
        metavar="SIGMA",
        help="relative, lognormal spread of that length (%(default)s)",
    )
    add("--tokens-per-chunk", type=int, metavar="N", help="tokens in each chunk (%(default)s)")
    add("--seed", type=int, metavar="N", help="seed of all that is random (%(default)s)")
    add("--startup-delay", type=_seconds, metavar="TIME", help="answer 503 for so long (%(default)s)")
    add(
        "--role-lead",
        type=_seconds,
        metavar="TIME",
        help="send the role so long before the first chunk (%(default)s)",
    )
    add(
        "--fail-every",
        type=int,
        metavar="N",
        help="answer every N-th request with 500, 0 for none (%(default)s)",
    )
    add(
        "--break-every",
        type=int,
        metavar="N",
        help="cut every N-th stream half-way, 0 for none (%(default)s)",
    )
    add("--strict", action="store_true", help="answer 422 to fields that are not OpenAI's")
    add("--no-usage", dest="usage", action="store_false", help="never report usage")
    add(
        "--no-output-count",
        dest="output_count",
        action="store_false",
        help="report 0 output tokens in usage, whatever was sent",
    )
    add("--no-done", dest="done", action="store_false", help="end streams without [DONE]")
    add(
        "--truth-log",
        type=Path,
        metavar="FILE",
        help="at the end, write what was really sent: JSON, a line a request",
    )
    plain = SimulatorSettings()
    parser.set_defaults(**{field.name: getattr(plain, field.name) for field in fields(plain)})


def settings_from(namespace: argparse.Namespace) -> SimulatorSettings:
    """The settings in a namespace that a parser of ``add_arguments`` made.

    Raises:
        SettingsError: a value is outside its range.
    """
    return SimulatorSettings(
        **{field.name: getattr(namespace, field.name) for field in fields(SimulatorSettings)}
    )


def _seconds(text: str) -> float:
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a duration: use seconds, or a number with a unit, as in '50ms' or '0.5 s'"
        )
    return float(match[1]) / (1000 if match[2] == "ms" else 1)
