"""What a calibration is told, and its command line."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path

from pytest_npuperf.durations import parse_duration
from pytest_npuperf.errors import SettingsError

__all__ = ["CalibrationSettings", "add_arguments", "settings_from"]

_ANSWERS = 3
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationSettings:
    """Load and server of a calibration; times in seconds.

    Raises:
        SettingsError: A value is outside its range.
    """

    streams: tuple[int, ...] = (64, 128, 256, 512, 768, 1024)
    """Concurrent streams of each step, in the order they are run."""
    duration: float = 3.0
    """How long a step sends: every stream gets three answers in it."""
    ttft: float = 0.050
    itl: float = 0.010

    def __post_init__(self) -> None:
        if not self.streams or min(self.streams) < 1:
            raise SettingsError(f"--streams is {self.streams!r}: use numbers of streams, each at least 1")
        if self.output_tokens < 2:
            raise SettingsError(
                f"--duration is {self.duration:g} s, but {_ANSWERS} answers with a TTFT of {self.ttft:g} s "
                f"and an ITL of {self.itl:g} s need at least {_ANSWERS * (self.ttft + self.itl):g} s"
            )

    @property
    def output_tokens(self) -> int:
        """Length of an answer."""
        return math.floor((self.duration / _ANSWERS - self.ttft) / self.itl + _ROUNDING) + 1

    @property
    def answer_time(self) -> float:
        """From request to end of an answer, where nobody is late."""
        return self.ttft + (self.output_tokens - 1) * self.itl

    def requests(self, streams: int) -> int:
        """How many requests a step sends."""
        return _ANSWERS * streams

    def token_rate(self, streams: int) -> float:
        """Tokens per second that so many streams ask for."""
        return streams * self.output_tokens / self.answer_time


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of a calibration, and ``--json`` (a Path, or None)."""
    plain = CalibrationSettings()
    add = parser.add_argument
    add(
        "--streams",
        type=_numbers,
        default=plain.streams,
        metavar="N,N,...",
        help=f"streams of each step (default: {','.join(map(str, plain.streams))})",
    )
    add("--duration", type=_seconds, default=plain.duration, metavar="TIME", help="of a step (default: 3 s)")
    add("--ttft", type=_seconds, default=plain.ttft, metavar="TIME", help="of the server (default: 50 ms)")
    add("--itl", type=_seconds, default=plain.itl, metavar="TIME", help="of the server (default: 10 ms)")
    add("--json", type=Path, metavar="FILE", help="write the figures there, too")


def settings_from(namespace: argparse.Namespace) -> CalibrationSettings:
    """The settings in a namespace that a parser of ``add_arguments`` made.

    Raises:
        SettingsError: A value is outside its range.
    """
    return CalibrationSettings(
        streams=namespace.streams, duration=namespace.duration, ttft=namespace.ttft, itl=namespace.itl
    )


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(number) for number in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a list of numbers: use commas between them, as in 64,128"
        ) from None


def _seconds(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from None
