"""The video of a prompt: a file of the user's."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

from pytest_npuperf.errors import CaseError, DatasetError
from pytest_npuperf.workload.images import ImageFolder, Images, image_parts, parse_images
from pytest_npuperf.workload.settings import path_of, take_keys

__all__ = ["VideoFile", "parse_video", "video_parts"]


@dataclass(frozen=True, slots=True)
class VideoFile:
    """The same MP4 or WebM file in each prompt."""

    path: Path


def parse_video(name: str, settings: object, base: Path) -> VideoFile | Images | ImageFolder:
    """What stands under ``name``: the path of a file, or the frames as images.

    Raises:
        CaseError: It has neither or both.
    """
    keys = take_keys(name, settings, optional=("path", "frames"))
    if len(keys) != 1:
        raise CaseError(
            f"dataset: {name} is {settings!r}, but takes one of {{path: clip.mp4}} and "
            "{frames: {count: 8, width: 320, height: 240}}"
        )
    if "path" in keys:
        return VideoFile(path_of(f"{name}.path", keys["path"], base))
    return parse_images(f"{name}.frames", keys["frames"], base)


def video_parts(
    video: VideoFile | Images | ImageFolder, *, seed: int | str
) -> Iterator[list[dict[str, Any]]]:
    """Yield the parts of one prompt after the other: a ``video_url``, or an ``image_url`` for each frame.

    Raises DatasetError where the file is missing or neither MP4 nor WebM; for frames see
    ``image_parts``.
    """
    if not isinstance(video, VideoFile):
        return image_parts(video, seed=f"{seed}/frames")
    data = _read(video.path)
    url = f"data:video/{_kind(video.path, data)};base64,{b64encode(data).decode()}"
    return repeat([{"type": "video_url", "video_url": {"url": url}}])


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(
            f"the video cannot be read: {error}; give the path of an MP4 or WebM file"
        ) from error


def _kind(path: Path, data: bytes) -> str:
    if data[4:8] == b"ftyp":
        return "mp4"
    if data.startswith(b"\x1a\x45\xdf\xa3"):
        return "webm"
    raise DatasetError(f"{path} begins with {data[:8]!r}: neither MP4 nor WebM; use another file")
