"""Whether an image file is whole, and how large the image is."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

__all__ = ["BadMedia", "image_size"]

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"

# Bits of a pixel's channel that each colour type may have, and its channels (PNG, 11.2.2).
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_LAST_FILTER = 4
# Where the pixels of each pass of an interlaced image begin and how far apart they are (PNG, 8.2).
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))

# SOF0 to SOF15 without DHT, JPG and DAC, which lie between (ITU T.81, B.1.1.3).
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN, _FILL = 0xDA, 0xFF


class BadMedia(ValueError):
    """What a content part carries is not what it says."""


def image_size(data: bytes) -> tuple[int, int]:
    """Width and height of a PNG or JPEG file.

    A PNG is decoded up to the filters of its scanlines: the CRC of every chunk must be right and
    every scanline there. Of a JPEG the markers are followed, its pixels are not decoded.

    Raises:
        BadMedia: it is no such file, or not whole.
    """
    if data.startswith(_PNG):
        return _png_size(data)
    if data.startswith(_JPEG):
        return _jpeg_size(data)
    raise BadMedia(f"An image that begins with {data[:8]!r} is neither PNG nor JPEG.")


def _png_size(data: bytes) -> tuple[int, int]:
    chunks = list(_png_chunks(memoryview(data)))
    kind, header = chunks[0]
    if kind != b"IHDR" or len(header) != 13:
        raise BadMedia(f"The PNG begins with a {kind.decode('latin-1')} chunk of {len(header)} bytes.")
    width, height, depth, colour, compression, filtering, interlace = struct.unpack(">II5B", header)
    known = depth in _DEPTHS.get(colour, ()) and compression == filtering == 0 and interlace in (0, 1)
    if not known or not width or not height:
        raise BadMedia(f"The header of the PNG is not valid: {header.hex()}.")
    bits = depth * _CHANNELS[colour]
    passes = list(_passes(width, height)) if interlace else [(width, height)]
    _check_scanlines(
        b"".join(body for kind, body in chunks if kind == b"IDAT"),
        [(1 + -(-columns * bits // 8), rows) for columns, rows in passes],
    )
    return width, height


def _png_chunks(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    at = len(_PNG)
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            break
        if zlib.crc32(data[at + 4 : end - 4]) != struct.unpack_from(">I", data, end - 4)[0]:
            raise BadMedia(f"The CRC of the PNG's {kind.decode('latin-1')} chunk is wrong.")
        yield kind, data[at + 8 : end - 4]
        if kind == b"IEND":
            return
        at = end
    raise BadMedia("The PNG ends before its IEND chunk.")


def _passes(width: int, height: int) -> Iterator[tuple[int, int]]:
    """Columns and rows of each pass of an interlaced image that has any."""
    for left, top, across, down in _ADAM7:
        columns, rows = (width - left + across - 1) // across, (height - top + down - 1) // down
        if columns and rows:
            yield columns, rows


def _check_scanlines(compressed: bytes, passes: list[tuple[int, int]]) -> None:
    """``passes`` has the bytes of a scanline and the number of them."""
    wanted = sum(stride * rows for stride, rows in passes)
    stream = zlib.decompressobj()
    try:
        pixels = stream.decompress(compressed, wanted + 1)
    except zlib.error as error:
        raise BadMedia(f"The pixels of the PNG cannot be inflated: {error}.") from error
    if len(pixels) != wanted or not stream.eof:
        raise BadMedia(f"The PNG has {len(pixels)} bytes of scanlines, but its header says {wanted}.")
    at = 0
    for stride, rows in passes:
        if max(pixels[at : at + stride * rows : stride]) > _LAST_FILTER:
            raise BadMedia("A scanline of the PNG has no known filter.")
        at += stride * rows


def _jpeg_size(data: bytes) -> tuple[int, int]:
    at, width, height = len(_JPEG), 0, 0
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == _FILL:
            at += 1
            continue
        if marker in _FRAMES and at + 9 <= len(data):
            height, width = struct.unpack_from(">HH", data, at + 5)
        if marker == _SCAN:
            return _whole_jpeg(data, at, width, height)
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    raise BadMedia(f"The JPEG has no marker at byte {at}, before its first scan.")


def _whole_jpeg(data: bytes, scan: int, width: int, height: int) -> tuple[int, int]:
    if not width or not height:
        raise BadMedia("The JPEG says no size before its first scan.")
    if data.find(b"\xff\xd9", scan) < 0:
        raise BadMedia("The JPEG ends before its end marker.")
    return width, height
