"""Pictures drawn by chance, and their files."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Iterator

from pytest_npuperf.errors import DatasetError

__all__ = ["jpeg_file", "pixel_rows", "png_file", "require_pillow"]

_TILE = 16
# With so much grain the files are as large as those of photographs.
_GRAIN = bytes(value & 0x18 for value in range(256))
_COLOURS = bytes(value & 0xC0 for value in range(256))
_RGB_8_BIT = (8, 2, 0, 0, 0)


def pixel_rows(rng: random.Random, width: int, height: int) -> Iterator[bytes]:
    """Rows of RGB pixels: tiles of one colour each, with a grain over them as in a photograph."""
    tiles = b""
    for row in range(height):
        if row % _TILE == 0:
            colours = rng.randbytes(3 * -(-width // _TILE)).translate(_COLOURS)
            tiles = b"".join(colours[at : at + 3] * _TILE for at in range(0, len(colours), 3))[: 3 * width]
        grain = rng.randbytes(3 * width).translate(_GRAIN)
        yield (int.from_bytes(tiles, "big") | int.from_bytes(grain, "big")).to_bytes(3 * width, "big")


def png_file(rows: Iterator[bytes], width: int, height: int) -> bytes:
    """A PNG file of RGB rows, at zlib's quickest level."""
    scanlines = b"".join(b"\0" + row for row in rows)
    header = struct.pack(">II5B", width, height, *_RGB_8_BIT)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(scanlines, 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def jpeg_file(rows: Iterator[bytes], width: int, height: int) -> bytes:
    """A JPEG file of RGB rows; takes Pillow."""
    from PIL import Image

    file = io.BytesIO()
    Image.frombytes("RGB", (width, height), b"".join(rows)).save(file, "JPEG", quality=90)
    return file.getvalue()


def require_pillow() -> None:
    """Raise DatasetError where Pillow is not installed."""
    try:
        import PIL  # noqa: F401
    except ImportError as error:
        raise DatasetError(
            "images.format is 'jpeg', which takes Pillow, and that is not installed: "
            "pip install 'pytest-npuperf[images]', or use format: png"
        ) from error


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
