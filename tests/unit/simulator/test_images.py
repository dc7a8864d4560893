from __future__ import annotations

import io
import random
import struct
import zlib
from typing import Any

import pytest

from pytest_npuperf.simulator.images import BadMedia, image_size

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    scanlines: bytes, *, width: int = 4, height: int = 3, depth: int = 8, colour: int = 2, interlace: int = 0
) -> bytes:
    header = struct.pack(">II5B", width, height, depth, colour, 0, 0, interlace)
    return SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(scanlines)) + chunk(b"IEND", b"")


ROW = b"\0" + b"rgb" * 4
WHOLE = png(ROW * 3)


def refusal(data: bytes) -> str:
    with pytest.raises(BadMedia) as caught:
        image_size(data)
    return str(caught.value)


def test_a_whole_png_has_its_size() -> None:
    assert image_size(WHOLE) == (4, 3)


def test_the_data_of_a_png_may_be_split() -> None:
    compressed = zlib.compress(ROW * 3)
    header = struct.pack(">II5B", 4, 3, 8, 2, 0, 0, 0)
    chunks = [chunk(b"IHDR", header), chunk(b"tEXt", b"a\0b")]
    chunks += [chunk(b"IDAT", compressed[at : at + 5]) for at in range(0, len(compressed), 5)]

    assert image_size(SIGNATURE + b"".join([*chunks, chunk(b"IEND", b"")])) == (4, 3)


@pytest.mark.parametrize(
    ("colour", "depth", "stride"),
    [(0, 1, 2), (0, 2, 2), (0, 4, 3), (0, 8, 5), (0, 16, 9), (2, 16, 25), (3, 4, 3), (4, 8, 9), (6, 8, 17)],
)
def test_scanlines_are_as_long_as_colour_type_and_depth_say(colour: int, depth: int, stride: int) -> None:
    assert image_size(png(bytes(stride * 3), colour=colour, depth=depth)) == (4, 3)
    assert "bytes of scanlines" in refusal(png(bytes(stride * 3 - 1), colour=colour, depth=depth))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "An image that begins with b'' is neither PNG nor JPEG."),
        (b"GIF89a--", "An image that begins with b'GIF89a--' is neither PNG nor JPEG."),
        (SIGNATURE, "The PNG ends before its IEND chunk."),
        (WHOLE[:-12], "The PNG ends before its IEND chunk."),
        (WHOLE[:40], "The PNG ends before its IEND chunk."),
        (SIGNATURE + chunk(b"IEND", b""), "The PNG begins with a IEND chunk of 0 bytes."),
        (png(ROW * 2), "The PNG has 26 bytes of scanlines, but its header says 39."),
        (png(ROW * 4), "The PNG has 40 bytes of scanlines, but its header says 39."),
        (png(ROW * 2 + b"\5" + ROW[1:]), "A scanline of the PNG has no known filter."),
        (png(ROW * 3, width=0), "The header of the PNG is not valid: 00000000000000030802000000."),
        (png(ROW * 3, depth=4), "The header of the PNG is not valid: 00000004000000030402000000."),
        (png(ROW * 3, colour=5), "The header of the PNG is not valid: 00000004000000030805000000."),
    ],
)
def test_a_png_that_is_not_whole_is_refused(data: bytes, message: str) -> None:
    assert refusal(data) == message


def test_a_flipped_bit_is_found_wherever_it_is() -> None:
    rng = random.Random(0)
    for at in range(len(WHOLE)):
        damaged = bytearray(WHOLE)
        damaged[at] ^= 1 << rng.randrange(8)
        with pytest.raises(BadMedia):
            image_size(bytes(damaged))


def test_wrong_pixels_behind_a_right_crc_are_found() -> None:
    broken = bytearray(zlib.compress(ROW * 3))
    broken[-1] ^= 1
    header = struct.pack(">II5B", 4, 3, 8, 2, 0, 0, 0)
    data = SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", bytes(broken)) + chunk(b"IEND", b"")

    assert refusal(data).startswith("The pixels of the PNG cannot be inflated: Error -3")


@pytest.mark.parametrize(("width", "height", "lines"), [(8, 8, 15), (1, 1, 1), (3, 5, 10)])
def test_the_passes_of_an_interlaced_png_are_counted(width: int, height: int, lines: int) -> None:
    # Grey, 8 bit: each of the lines has a filter byte, each pixel comes in one pass.
    scanlines = bytes(width * height + lines)
    shape: dict[str, Any] = {"width": width, "height": height, "colour": 0, "interlace": 1}

    assert image_size(png(scanlines, **shape)) == (width, height)
    assert "bytes of scanlines" in refusal(png(scanlines + b"\0", **shape))


def jpeg(**options: Any) -> bytes:
    image = pytest.importorskip("PIL.Image").effect_noise((70, 50), 60)
    file = io.BytesIO()
    image.save(file, "JPEG", **options)
    return file.getvalue()


@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"optimize": True}, {"comment": b"\xff\xda\xff\xd9"}]
)
def test_a_whole_jpeg_has_its_size(options: dict[str, Any]) -> None:
    assert image_size(jpeg(**options)) == (70, 50)


def test_fill_bytes_before_a_marker_are_skipped() -> None:
    data = jpeg()

    assert image_size(data[:2] + b"\xff\xff" + data[2:]) == (70, 50)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "I;16"])
def test_what_pillow_writes_is_whole(mode: str) -> None:
    file = io.BytesIO()
    pytest.importorskip("PIL.Image").new(mode, (33, 7)).save(file, "PNG")

    assert image_size(file.getvalue()) == (33, 7)


def test_a_jpeg_that_is_not_whole_is_refused() -> None:
    data = jpeg()

    assert refusal(data[:-2]) == "The JPEG ends before its end marker."
    assert refusal(data[:100]).startswith("The JPEG has no marker at byte ")
    assert refusal(b"\xff\xd8\xff") == "The JPEG has no marker at byte 2, before its first scan."
    assert refusal(b"\xff\xd8\xff\xda\0\2\xff\xd9") == "The JPEG says no size before its first scan."
