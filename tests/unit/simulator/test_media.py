from __future__ import annotations

import io
import wave
from base64 import b64encode
from typing import Any

import msgspec
import pytest

from pytest_npuperf.simulator.media import NO_MEDIA, BadMedia, ContentPart, Media, read_media
from pytest_npuperf.workload.audio import Audio, audio_parts
from pytest_npuperf.workload.images import Images, image_parts

MP4 = b"\0\0\0\x18ftypisom"
WEBM = b"\x1a\x45\xdf\xa3\x01\x02"


def read(*parts: dict[str, Any]) -> Media:
    return read_media(msgspec.json.decode(msgspec.json.encode(parts), type=list[ContentPart]))


def refusal(*parts: dict[str, Any]) -> str:
    with pytest.raises(BadMedia) as caught:
        read(*parts)
    return str(caught.value)


def image(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, "detail": "high"}}


def video(data: bytes) -> dict[str, Any]:
    url = f"data:video/mp4;base64,{b64encode(data).decode()}"
    return {"type": "video_url", "video_url": {"url": url}}


def sound(data: bytes, format_: str = "wav") -> dict[str, Any]:
    return {"type": "input_audio", "input_audio": {"data": b64encode(data).decode(), "format": format_}}


def wav(*, rate: int = 8000, channels: int = 1, width: int = 2, frames: int = 4000) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((channels, width, rate, frames, "NONE", ""))
        writer.writeframes(bytes(frames * channels * width))
    return file.getvalue()


def test_text_brings_no_media() -> None:
    assert read({"type": "text", "text": "hello"}) is NO_MEDIA
    assert NO_MEDIA.tokens == 0


@pytest.mark.parametrize("format_", ["png", "jpeg"])
def test_the_size_of_each_image_is_seen(format_: Any) -> None:
    pytest.importorskip("PIL")
    [first, second] = next(image_parts(Images(2, 57, 28, format_), seed=0))

    assert read({"type": "text", "text": "a"}, first, second).images == ((57, 28), (57, 28))


def test_the_length_of_each_sound_is_seen() -> None:
    [drawn] = next(audio_parts(Audio(1.5), seed=0))

    assert read(drawn, sound(wav()), sound(wav(channels=2, width=1))).audio_seconds == (1.5, 0.5, 0.5)


def test_other_chunks_of_a_wav_file_are_skipped() -> None:
    data = wav()

    assert read(sound(data[:36] + b"LIST\x03\0\0\0abc\0" + data[36:])).audio_seconds == (0.5,)


def test_videos_are_counted() -> None:
    assert read(video(MP4), video(WEBM)).videos == 2


@pytest.mark.parametrize(
    ("media", "tokens"),
    [
        (Media(images=((28, 28),)), 1),
        (Media(images=((29, 28),)), 2),
        (Media(images=((640, 480), (1, 1))), 23 * 18 + 1),
        (Media(audio_seconds=(2.0,)), 50),
        (Media(audio_seconds=(0.01, 0.041)), 1 + 2),
        (Media(videos=2), 2048),
    ],
)
def test_media_count_tokens(media: Media, tokens: int) -> None:
    assert media.tokens == tokens


def test_media_are_described_by_name() -> None:
    assert Media(((2, 3),), (0.5,), 1).describe() == {
        "images": [{"width": 2, "height": 3}],
        "audio_seconds": [0.5],
        "videos": 1,
    }


@pytest.mark.parametrize(
    "url", ["https://example.com/cat.png", "data:image/png,abc", "data:text/plain;base64,YQ==", "cat.png"]
)
def test_what_would_have_to_be_fetched_is_refused(url: str) -> None:
    message = refusal(image(url))

    assert message == f"The simulator fetches nothing: {url!r} is not 'data:image/...;base64,...'."


def test_a_long_url_is_shown_in_part() -> None:
    assert repr("https://" + "a" * 52 + "...") in refusal(image("https://" + "a" * 99))


@pytest.mark.parametrize("data", ["YQ=", "Y!==", "YQ==\n", "ä"])
def test_base64_that_is_not_valid_is_refused(data: str) -> None:
    assert refusal(image(f"data:image/png;base64,{data}")).startswith("The image is not valid base64: ")


def test_an_image_that_is_none_is_refused() -> None:
    assert refusal(image("data:image/png;base64,YQ==")) == (
        "An image that begins with b'a' is neither PNG nor JPEG."
    )


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (sound(b"", "mp3"), "The simulator reads sound as wav, not as 'mp3'."),
        (sound(b""), "Sound that begins with b'' is no WAV file."),
        (sound(b"OggS" + bytes(40)), "Sound that begins with b'OggS\\x00"),
        (sound(wav()[:-1]), "The WAV file has 7999 bytes of samples, but its header says 8000."),
        (sound(wav()[:36]), "The WAV file ends before its samples."),
        (sound(wav()[:12] + wav()[36:]), "The WAV file does not say before its samples how they are coded."),
        (
            sound(wav().replace((16_000).to_bytes(4, "little"), bytes(4))),
            "The WAV file says 0 bytes a second for 8000 blocks of 2 bytes.",
        ),
        (video(b"AVI"), "A video that begins with b'AVI' is neither MP4 nor WebM."),
    ],
    ids=["mp3", "empty", "ogg", "cut", "no data", "no format", "no rate", "avi"],
)
def test_sound_and_video_that_are_not_whole_are_refused(part: dict[str, Any], message: str) -> None:
    assert refusal(part).startswith(message)
