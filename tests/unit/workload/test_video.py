from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from pytest_npuperf.errors import CaseError, DatasetError
from pytest_npuperf.workload.images import ImageFolder, Images, image_parts
from pytest_npuperf.workload.video import VideoFile, parse_video, video_parts

BASE = Path("/project")


@pytest.mark.parametrize(
    ("content", "url"),
    [
        (b"\0\0\0\x18ftypisom", "data:video/mp4;base64,AAAAGGZ0eXBpc29t"),
        (b"\x1a\x45\xdf\xa3\x01\x02", "data:video/webm;base64,GkXfowEC"),
    ],
    ids=["mp4", "webm"],
)
def test_a_file_is_sent_as_it_is_with_every_prompt(tmp_path: Path, content: bytes, url: str) -> None:
    path = tmp_path / "clip"
    path.write_bytes(content)

    sent = list(islice(video_parts(VideoFile(path), seed=0), 2))

    assert sent == [[{"type": "video_url", "video_url": {"url": url}}]] * 2


def test_frames_are_images_other_than_those_of_the_same_seed() -> None:
    images = Images(4, 8, 8)
    frames = next(video_parts(images, seed=0))

    assert [part["type"] for part in frames] == ["image_url"] * 4
    assert frames == next(video_parts(images, seed=0))
    urls = [part["image_url"]["url"] for part in (*frames, *next(image_parts(images, seed=0)))]
    assert len(set(urls)) == 8


def test_a_missing_file_is_refused_before_the_first_prompt(tmp_path: Path) -> None:
    with pytest.raises(
        DatasetError,
        match=r"^the video cannot be read: .*clip\.mp4'; give the path of an MP4 or WebM file$",
    ):
        video_parts(VideoFile(tmp_path / "clip.mp4"), seed=0)


def test_a_file_that_is_no_video_is_refused_before_the_first_prompt(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"RIFF1234AVI ")

    with pytest.raises(DatasetError) as caught:
        video_parts(VideoFile(path), seed=0)
    assert str(caught.value) == f"{path} begins with b'RIFF1234': neither MP4 nor WebM; use another file"


@pytest.mark.parametrize(
    ("settings", "video"),
    [
        ({"path": "clip.mp4"}, VideoFile(BASE / "clip.mp4")),
        ({"frames": {"count": 8, "width": 320, "height": 240}}, Images(8, 320, 240)),
        ({"frames": {"folder": "stills", "count": 8}}, ImageFolder(BASE / "stills", 8)),
    ],
)
def test_settings_name_a_file_or_frames(settings: dict[str, Any], video: object) -> None:
    assert parse_video("video", settings, BASE) == video


@pytest.mark.parametrize("settings", [{}, {"path": "clip.mp4", "frames": {}}])
def test_neither_or_both_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(CaseError) as caught:
        parse_video("video", settings, BASE)
    assert str(caught.value) == (
        f"dataset: video is {settings!r}, but takes one of {{path: clip.mp4}} and "
        "{frames: {count: 8, width: 320, height: 240}}"
    )
