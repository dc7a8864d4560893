"""Images, sound and video in a request: whether they are whole, and how many tokens they count."""

from __future__ import annotations

import base64
import binascii
import math
import struct
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from pytest_npuperf.simulator.images import BadMedia, image_size

__all__ = ["NO_MEDIA", "BadMedia", "ContentPart", "Media", "TextPart", "read_media"]

_PATCH = 28
_TOKENS_PER_SECOND = 25
_TOKENS_PER_VIDEO = 1024
_MP4, _WEBM = b"ftyp", b"\x1a\x45\xdf\xa3"


class _Part(msgspec.Struct, tag_field="type"):
    pass


class _Url(msgspec.Struct):
    url: str


class _Sound(msgspec.Struct):
    data: bytes
    """In JSON base64."""
    format: str


class TextPart(_Part, tag="text"):
    """Text."""

    text: str


class _ImagePart(_Part, tag="image_url"):
    image_url: _Url


class _AudioPart(_Part, tag="input_audio"):
    input_audio: _Sound


class _VideoPart(_Part, tag="video_url"):
    video_url: _Url


ContentPart = TextPart | _ImagePart | _AudioPart | _VideoPart
"""One of the parts of a message."""


@dataclass(frozen=True, slots=True)
class Media:
    """What the parts of a request carry, in their order."""

    images: tuple[tuple[int, int], ...] = ()
    """Width and height."""
    audio_seconds: tuple[float, ...] = ()
    videos: int = 0

    @property
    def tokens(self) -> int:
        """Prompt tokens of all of it.

        An image has one for every 28 x 28 pixels, a part of that counted as a whole (Qwen2-VL: two
        by two patches of 14, here without its bounds), sound 25 a second (Qwen2.5-Omni), a video
        1024 whatever it is: its frames are not decoded.
        """
        images = sum(-(-width // _PATCH) * -(-height // _PATCH) for width, height in self.images)
        sound = sum(math.ceil(seconds * _TOKENS_PER_SECOND) for seconds in self.audio_seconds)
        return images + sound + self.videos * _TOKENS_PER_VIDEO

    def describe(self) -> dict[str, object]:
        """The media as JSON values."""
        return {
            "images": [{"width": width, "height": height} for width, height in self.images],
            "audio_seconds": list(self.audio_seconds),
            "videos": self.videos,
        }


NO_MEDIA = Media()


def read_media(parts: Iterable[ContentPart]) -> Media:
    """What the parts carry, once it was decoded.

    This happens between the chunks of other answers and holds them up, as their ``stamps`` show: by
    about 6 ms for a PNG of 640 x 480 pixels and 50 ms for one of 1920 x 1080, which are spent on
    base64 and deflate, and by 2 ms for such a JPEG.

    Raises:
        BadMedia: a part carries something else than it says, a file that is not whole, or a URL
            that would have to be fetched.
    """
    images, sounds, videos = [], [], 0
    for part in parts:
        if isinstance(part, _ImagePart):
            images.append(image_size(_data_of(part.image_url.url, "image")))
        elif isinstance(part, _AudioPart):
            sounds.append(_seconds(part.input_audio))
        elif isinstance(part, _VideoPart):
            _check_video(_data_of(part.video_url.url, "video"))
            videos += 1
    return Media(tuple(images), tuple(sounds), videos) if images or sounds or videos else NO_MEDIA


def _data_of(url: str, kind: str) -> bytes:
    head, comma, data = url.partition(",")
    if not (head.startswith(f"data:{kind}/") and head.endswith(";base64") and comma):
        seen = url if len(url) <= 60 else f"{url[:60]}..."
        raise BadMedia(f"The simulator fetches nothing: {seen!r} is not 'data:{kind}/...;base64,...'.")
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadMedia(f"The {kind} is not valid base64: {error}.") from error


def _seconds(sound: _Sound) -> float:
    if sound.format != "wav":
        raise BadMedia(f"The simulator reads sound as wav, not as {sound.format!r}.")
    data, at, bytes_a_second = sound.data, 12, 0
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise BadMedia(f"Sound that begins with {data[:12]!r} is no WAV file.")
    while at + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, at)
        at += 8
        if kind == b"fmt " and at + 16 <= len(data):
            bytes_a_second = _bytes_a_second(data, at)
        if kind == b"data":
            return _duration(size, len(data) - at, bytes_a_second)
        at += size + size % 2
    raise BadMedia("The WAV file ends before its samples.")


def _bytes_a_second(data: bytes, at: int) -> int:
    rate, told, block = struct.unpack_from("<IIH", data, at + 4)
    if not told or told != rate * block:
        raise BadMedia(f"The WAV file says {told} bytes a second for {rate} blocks of {block} bytes.")
    return int(told)


def _duration(size: int, there: int, bytes_a_second: int) -> float:
    if there < size:
        raise BadMedia(f"The WAV file has {there} bytes of samples, but its header says {size}.")
    if not bytes_a_second:
        raise BadMedia("The WAV file does not say before its samples how they are coded.")
    return size / bytes_a_second


def _check_video(data: bytes) -> None:
    if data[4:8] != _MP4 and not data.startswith(_WEBM):
        raise BadMedia(f"A video that begins with {data[:8]!r} is neither MP4 nor WebM.")
