"""The sound of a prompt: tones, as a WAV file."""

from __future__ import annotations

import io
import math
import random
import sys
import wave
from array import array
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from pytest_npuperf.workload.checks import check_number
from pytest_npuperf.workload.settings import take_keys

__all__ = ["Audio", "audio_parts", "parse_audio"]

_RATE = 16_000
"""Samples a second: what speech models take."""
_TONE = _RATE // 4
_LOWEST, _HIGHEST = 110, 880
_LOUDNESS = 12_000


@dataclass(frozen=True, slots=True)
class Audio:
    """A melody of ``seconds`` in each prompt, drawn by the seed."""

    seconds: float = 5.0

    def __post_init__(self) -> None:
        check_number("audio.seconds", self.seconds, positive=True)


def parse_audio(name: str, settings: object, base: Path) -> Audio:  # noqa: ARG001
    """What stands under ``name``."""
    return Audio(**take_keys(name, settings, optional=("seconds",)))


def audio_parts(audio: Audio, *, seed: int | str) -> Iterator[list[dict[str, Any]]]:
    """Yield the ``input_audio`` part of one prompt after the other: WAV, 16 kHz, mono, 16 bit."""
    for index in count():
        rng = random.Random(f"{seed}/{index}/audio")
        data = _wav(_melody(rng, math.ceil(audio.seconds * _RATE)))
        yield [{"type": "input_audio", "input_audio": {"data": b64encode(data).decode(), "format": "wav"}}]


def _melody(rng: random.Random, length: int) -> array[int]:
    """Samples: tones of a quarter of a second and of any pitch within three octaves."""
    samples = array("h")
    while len(samples) < length:
        step = 2 * math.pi * rng.uniform(_LOWEST, _HIGHEST) / _RATE
        samples.extend(round(_LOUDNESS * math.sin(step * at)) for at in range(_TONE))
    return samples[:length]


def _wav(samples: array[int]) -> bytes:
    if sys.byteorder == "big":
        samples.byteswap()
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, _RATE, len(samples), "NONE", ""))
        writer.writeframes(samples.tobytes())
    return file.getvalue()
