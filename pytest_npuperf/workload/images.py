"""The images of a prompt: drawn by chance, or files of the user's."""

from __future__ import annotations

import random
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Literal

from pytest_npuperf.errors import CaseError, DatasetError
from pytest_npuperf.workload.checks import check_count
from pytest_npuperf.workload.pictures import jpeg_file, pixel_rows, png_file, require_pillow
from pytest_npuperf.workload.settings import path_of, take_keys

__all__ = ["IMAGE_KEYS", "ImageFolder", "Images", "image_parts", "parse_images"]

_DRAWN = ("count", "width", "height", "format")
_FROM_FOLDER = ("folder", "count", "repeat")
IMAGE_KEYS = tuple(dict.fromkeys(_DRAWN + _FROM_FOLDER))
"""The settings of images, drawn or from a folder."""

_SUFFIXES = (".png", ".jpg", ".jpeg")
_SIGNATURES = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg"}


@dataclass(frozen=True, slots=True)
class Images:
    """``count`` images a prompt, of ``width`` times ``height`` pixels, drawn by the seed."""

    count: int = 1
    width: int = 640
    height: int = 480
    format: Literal["png", "jpeg"] = "png"
    """JPEG takes Pillow."""

    def __post_init__(self) -> None:
        for name in ("count", "width", "height"):
            check_count(f"images.{name}", getattr(self, name), at_least=1)
        if self.format not in ("png", "jpeg"):
            raise CaseError(f"dataset: images.format is {self.format!r}, but must be png or jpeg")


@dataclass(frozen=True, slots=True)
class ImageFolder:
    """``count`` images a prompt, from the PNG and JPEG files of a folder in the order of their names."""

    folder: Path
    count: int = 1
    repeat: bool = False
    """Whether the first file follows the last; a server may then know the image from before."""

    def __post_init__(self) -> None:
        check_count("images.count", self.count, at_least=1)
        if not isinstance(self.repeat, bool):
            raise CaseError(f"dataset: images.repeat is {self.repeat!r}, but must be true or false")


def parse_images(name: str, settings: object, base: Path) -> Images | ImageFolder:
    """What stands under ``name``: settings of drawn images, or of a folder where it has one."""
    if isinstance(settings, Mapping) and "folder" in settings:
        keys = take_keys(name, settings, required=("folder",), optional=_FROM_FOLDER[1:])
        return ImageFolder(path_of(f"{name}.folder", keys.pop("folder"), base), **keys)
    return Images(**take_keys(name, settings, optional=_DRAWN))


def image_parts(images: Images | ImageFolder, *, seed: int | str) -> Iterator[list[dict[str, Any]]]:
    """Yield the ``image_url`` parts of one prompt after the other, each with a data URL.

    No drawn image comes twice. Raises DatasetError: at once where the folder does not hold the
    images of one prompt or Pillow is missing, on the way where a file is no image or the files
    are used up.
    """
    if isinstance(images, ImageFolder):
        return _from_folder(images, _files(images))
    if images.format == "jpeg":
        require_pillow()
    return _drawn(images, seed)


def _drawn(images: Images, seed: int | str) -> Iterator[list[dict[str, Any]]]:
    file = jpeg_file if images.format == "jpeg" else png_file
    width, height = images.width, images.height
    for index in count():
        rng = random.Random(f"{seed}/{index}/images")
        yield [
            _part(file(pixel_rows(rng, width, height), width, height), images.format)
            for _ in range(images.count)
        ]


def _from_folder(images: ImageFolder, files: list[Path]) -> Iterator[list[dict[str, Any]]]:
    for first in count(step=images.count):
        if first + images.count > len(files) and not images.repeat:
            raise DatasetError(
                f"{images.folder} holds {len(files)} images, which are enough for {first // images.count} "
                f"prompts: ask for fewer requests, add images, or set repeat: true, where the server may "
                f"know an image from before"
            )
        yield [_read(files[at % len(files)]) for at in range(first, first + images.count)]


def _files(images: ImageFolder) -> list[Path]:
    if not images.folder.is_dir():
        raise DatasetError(f"no folder {images.folder}: give the path of one that holds PNG or JPEG files")
    files = sorted(path for path in images.folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    if len(files) < images.count:
        raise DatasetError(
            f"{images.folder} holds {len(files)} files named {', '.join('*' + end for end in _SUFFIXES)}, "
            f"but a prompt takes {images.count}: add images or set a smaller count"
        )
    return files


def _read(path: Path) -> dict[str, Any]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"the image cannot be read: {error}") from error
    for signature, kind in _SIGNATURES.items():
        if data.startswith(signature):
            return _part(data, kind)
    raise DatasetError(f"{path} begins with {data[:8]!r}: neither PNG nor JPEG; replace or remove it")


def _part(data: bytes, kind: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": f"data:image/{kind};base64,{b64encode(data).decode()}"}}
