"""Prompts of text with images, sound and video, for answers of text and sound."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from pytest_npuperf.errors import CaseError
from pytest_npuperf.workload.audio import Audio, audio_parts, parse_audio
from pytest_npuperf.workload.gauge import ESTIMATE, Gauge
from pytest_npuperf.workload.images import IMAGE_KEYS, ImageFolder, Images, image_parts, parse_images
from pytest_npuperf.workload.lengths import Length, draw_length, parse_length
from pytest_npuperf.workload.natural_text import OPENING_TOKENS, natural_text, opening
from pytest_npuperf.workload.prompt import Prompt
from pytest_npuperf.workload.settings import take_keys
from pytest_npuperf.workload.video import VideoFile, parse_video, video_parts

__all__ = ["Multimodal", "multimodal_prompts", "parse_image_prompts", "parse_multimodal"]

_TEXT_KEYS = ("input_tokens", "output_tokens")
_MEDIA = {"images": parse_images, "audio": parse_audio, "video": parse_video}
_MODALITIES = ("text", "audio")


@dataclass(frozen=True, slots=True)
class Multimodal:
    """Settings of prompts with media; what is None is left out.

    ``input_tokens`` (at least 4) is the length of the text alone: what the media count is known to
    the server. Answers have exactly ``output_tokens``. Both may be distributions.
    """

    images: Images | ImageFolder | None = None
    audio: Audio | None = None
    video: VideoFile | Images | ImageFolder | None = None
    """A file, or the frames."""
    input_tokens: Length = 32
    output_tokens: Length = 128
    modalities: tuple[str, ...] = ()
    """What the answer is to be: text, audio or both; empty leaves it to the server."""
    speech: dict[str, Any] = field(default_factory=dict)
    """OpenAI's ``audio`` field of the request: voice and format of the answer."""

    def __post_init__(self) -> None:
        for name, least in (("input_tokens", OPENING_TOKENS), ("output_tokens", 1)):
            object.__setattr__(self, name, parse_length(name, getattr(self, name), at_least=least))
        _check_answer(self.modalities, self.speech)
        if not any((self.images, self.audio, self.video, self.modalities)):
            raise CaseError(
                "dataset: multimodal has nothing but text: set images, audio, video or modalities, or use "
                "{synthetic: {input_tokens: 100, output_tokens: 200}}"
            )


def parse_multimodal(settings: object, base: Path) -> Multimodal:
    """What stands under ``multimodal``."""
    keys = take_keys("multimodal", settings, optional=(*_MEDIA, *_TEXT_KEYS, "modalities", "speech"))
    for name, parse in _MEDIA.items():
        if name in keys:
            keys[name] = parse(f"multimodal.{name}", keys[name], base)
    if isinstance(modalities := keys.get("modalities"), list):
        keys["modalities"] = tuple(modalities)
    return Multimodal(**keys)


def parse_image_prompts(settings: object, base: Path) -> Multimodal:
    """What stands under ``images``: the settings of images and the lengths of the text."""
    keys = take_keys("images", settings, optional=(*IMAGE_KEYS, *_TEXT_KEYS))
    lengths = {name: keys.pop(name) for name in _TEXT_KEYS if name in keys}
    return Multimodal(images=parse_images("images", keys, base), **lengths)


def multimodal_prompts(dataset: Multimodal, *, seed: int | str, gauge: Gauge = ESTIMATE) -> Iterator[Prompt]:
    """Yield prompts of one user message each: the text, then images, video and sound.

    The text comes first because no two are the same: where files are sent again, prompts still do
    not begin alike. Raises DatasetError where files are missing or malformed.
    """
    media = []
    if dataset.images is not None:
        media.append(image_parts(dataset.images, seed=seed))
    if dataset.video is not None:
        media.append(video_parts(dataset.video, seed=seed))
    if dataset.audio is not None:
        media.append(audio_parts(dataset.audio, seed=seed))
    return _prompts(dataset, media, seed, gauge)


def _check_answer(modalities: object, speech: object) -> None:
    if not isinstance(modalities, tuple) or not all(word in _MODALITIES for word in modalities):
        seen = list(modalities) if isinstance(modalities, tuple) else modalities
        raise CaseError(
            f"dataset: multimodal.modalities is {seen!r}, but must be a list of text, audio or both"
        )
    if not isinstance(speech, Mapping) or (speech and "audio" not in modalities):
        raise CaseError(
            f"dataset: multimodal.speech is {speech!r}, but must be the voice and format of an answer in "
            "sound, as in {voice: alloy, format: wav}, beside modalities: [text, audio]"
        )


def _prompts(
    dataset: Multimodal, media: list[Iterator[list[dict[str, Any]]]], seed: int | str, gauge: Gauge
) -> Iterator[Prompt]:
    extra: dict[str, Any] = {"modalities": list(dataset.modalities)} if dataset.modalities else {}
    if dataset.speech:
        extra["audio"] = dataset.speech
    for index in count():
        rng = random.Random(f"{seed}/{index}")
        tokens, max_tokens = draw_length(dataset.input_tokens, rng), draw_length(dataset.output_tokens, rng)
        text = natural_text(rng, tokens, gauge=gauge, begin=opening(seed, index))
        parts = [part for kind in media for part in next(kind)]
        message = {"role": "user", "content": [{"type": "text", "text": text}, *parts]}
        yield Prompt((message,), max_tokens, None, exact_output=True, extra=extra)
