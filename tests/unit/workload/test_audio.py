from __future__ import annotations

import io
import wave
from base64 import b64decode
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from pytest_npuperf.errors import CaseError
from pytest_npuperf.workload.audio import Audio, audio_parts, parse_audio


def sounds(audio: Audio, *, seed: int = 0, prompts: int = 1) -> list[bytes]:
    """The files of the first prompts, once each part was looked at."""
    found = []
    for [part] in islice(audio_parts(audio, seed=seed), prompts):
        assert part.keys() == {"type", "input_audio"}
        assert (part["type"], part["input_audio"]["format"]) == ("input_audio", "wav")
        found.append(b64decode(part["input_audio"]["data"], validate=True))
    return found


@pytest.mark.parametrize(("seconds", "frames"), [(0.001, 16), (0.25, 4000), (1, 16_000), (1.3, 20_800)])
def test_the_sound_lasts_as_long_as_set(seconds: float, frames: int) -> None:
    [data] = sounds(Audio(seconds))
    with wave.open(io.BytesIO(data)) as reader:
        shape = (reader.getframerate(), reader.getnchannels(), reader.getsampwidth(), reader.getnframes())

    assert shape == (16_000, 1, 2, frames)


def test_the_sound_is_loud_and_not_clipped() -> None:
    [data] = sounds(Audio(1.0))
    with wave.open(io.BytesIO(data)) as reader:
        content = reader.readframes(reader.getnframes())
    peak = max(
        abs(int.from_bytes(content[at : at + 2], "little", signed=True)) for at in range(0, len(content), 2)
    )

    assert 11_000 < peak <= 12_000


def test_no_sound_comes_twice() -> None:
    assert len(set(sounds(Audio(0.1), prompts=50))) == 50


def test_the_seed_decides_on_the_sound() -> None:
    assert sounds(Audio(0.1), seed=1) == sounds(Audio(0.1), seed=1)
    assert sounds(Audio(0.1), seed=1) != sounds(Audio(0.1), seed=2)


def test_settings_name_the_length() -> None:
    assert parse_audio("audio", {}, Path()) == Audio(5.0)
    assert parse_audio("audio", {"seconds": 2}, Path()) == Audio(2)


@pytest.mark.parametrize("seconds", [0, -1, True, "5", float("inf"), float("nan"), None])
def test_a_length_that_is_not_allowed_is_refused(seconds: Any) -> None:
    with pytest.raises(CaseError) as caught:
        Audio(seconds)
    assert str(caught.value) == f"dataset: audio.seconds is {seconds!r}, but must be a number above 0"
