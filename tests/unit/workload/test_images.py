from __future__ import annotations

import io
import sys
from base64 import b64decode
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from pytest_npuperf.errors import CaseError, DatasetError
from pytest_npuperf.workload.images import ImageFolder, Images, image_parts, parse_images

Image = pytest.importorskip("PIL.Image")

BASE = Path("/project")


def files(images: Images | ImageFolder, *, seed: int | str = 0, prompts: int = 1) -> list[tuple[str, bytes]]:
    """Media type and content of the images of the first prompts, once each part was looked at."""
    found = []
    for parts in islice(image_parts(images, seed=seed), prompts):
        for part in parts:
            assert part.keys() == {"type", "image_url"}
            assert part["type"] == "image_url"
            head, _, data = part["image_url"]["url"].partition(",")
            found.append((head, b64decode(data, validate=True)))
    return found


def opened(data: bytes) -> Any:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize("format_", ["png", "jpeg"])
@pytest.mark.parametrize("size", [(1, 1), (17, 33), (320, 200)])
def test_a_drawn_image_has_the_size_and_format_asked_for(size: tuple[int, int], format_: Any) -> None:
    [(head, data)] = files(Images(1, *size, format_))
    image = opened(data)

    assert head == f"data:image/{format_};base64"
    assert (image.size, image.mode, image.format) == (size, "RGB", format_.upper())


def test_each_prompt_has_as_many_images_as_set() -> None:
    assert [len(parts) for parts in islice(image_parts(Images(3, 8, 8), seed=0), 4)] == [3, 3, 3, 3]


@pytest.mark.parametrize("format_", ["png", "jpeg"])
def test_no_two_drawn_images_have_the_same_pixels(format_: Any) -> None:
    drawn = files(Images(2, 16, 16, format_), prompts=100)

    assert len({opened(data).tobytes() for _, data in drawn}) == 200


def test_the_seed_decides_on_the_pixels() -> None:
    images = Images(1, 40, 30)

    assert files(images, seed=1, prompts=3) == files(images, seed=1, prompts=3)
    assert not set(files(images, seed=1, prompts=3)) & set(files(images, seed=2, prompts=3))


def test_a_drawn_image_takes_about_the_room_of_a_photograph() -> None:
    [(_, png)] = files(Images(1, 640, 480, "png"))
    [(_, jpeg)] = files(Images(1, 640, 480, "jpeg"))

    assert 400_000 < len(png) < 600_000
    assert 50_000 < len(jpeg) < 150_000


def test_without_pillow_jpeg_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)

    with pytest.raises(DatasetError) as caught:
        image_parts(Images(format="jpeg"), seed=0)
    assert str(caught.value) == (
        "images.format is 'jpeg', which takes Pillow, and that is not installed: "
        "pip install 'pytest-npuperf[images]', or use format: png"
    )


def test_png_needs_no_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)

    assert files(Images(1, 8, 8))[0][1].startswith(b"\x89PNG")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two PNG files, one JPEG file, and something else."""
    for name, width in (("a.png", 1), ("b.PNG", 2), ("c.jpg", 3)):
        Image.new("RGB", (width, 5)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no image")
    return tmp_path


def test_a_folder_gives_its_images_as_they_are_in_order_of_their_names(folder: Path) -> None:
    sent = files(ImageFolder(folder), prompts=3)

    assert sent == [
        ("data:image/png;base64", (folder / "a.png").read_bytes()),
        ("data:image/png;base64", (folder / "b.PNG").read_bytes()),
        ("data:image/jpeg;base64", (folder / "c.jpg").read_bytes()),
    ]


def test_a_folder_that_is_used_up_says_so(folder: Path) -> None:
    parts = image_parts(ImageFolder(folder, count=2), seed=0)
    next(parts)

    with pytest.raises(DatasetError) as caught:
        next(parts)
    assert str(caught.value) == (
        f"{folder} holds 3 images, which are enough for 1 prompts: ask for fewer requests, add images, "
        "or set repeat: true, where the server may know an image from before"
    )


def test_a_folder_can_begin_again(folder: Path) -> None:
    widths = [opened(data).width for _, data in files(ImageFolder(folder, count=2, repeat=True), prompts=3)]

    assert widths == [1, 2, 3, 1, 2, 3]


def test_a_missing_folder_is_refused_before_the_first_prompt(tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        image_parts(ImageFolder(tmp_path / "none"), seed=0)
    assert str(caught.value) == (
        f"no folder {tmp_path / 'none'}: give the path of one that holds PNG or JPEG files"
    )


def test_a_folder_with_too_few_images_is_refused_before_the_first_prompt(folder: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        image_parts(ImageFolder(folder, count=4, repeat=True), seed=0)
    assert str(caught.value) == (
        f"{folder} holds 3 files named *.png, *.jpg, *.jpeg, but a prompt takes 4: add images or set a "
        "smaller count"
    )


def test_a_file_that_is_no_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"GIF89a-and-more")

    with pytest.raises(DatasetError) as caught:
        next(image_parts(ImageFolder(tmp_path), seed=0))
    assert str(caught.value) == (
        f"{tmp_path / 'a.png'} begins with b'GIF89a-a': neither PNG nor JPEG; replace or remove it"
    )


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").mkdir()

    with pytest.raises(DatasetError, match=r"the image cannot be read: .*a\.png"):
        next(image_parts(ImageFolder(tmp_path), seed=0))


@pytest.mark.parametrize(
    ("settings", "images"),
    [
        ({}, Images(1, 640, 480, "png")),
        ({"count": 2, "width": 8, "height": 9, "format": "jpeg"}, Images(2, 8, 9, "jpeg")),
        ({"folder": "photos", "repeat": True}, ImageFolder(BASE / "photos", 1, True)),
    ],
)
def test_settings_name_drawn_images_or_a_folder(
    settings: dict[str, Any], images: Images | ImageFolder
) -> None:
    assert parse_images("images", settings, BASE) == images


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"count": 0}, "dataset: images.count is 0, but must be a whole number of at least 1"),
        ({"width": 9.5}, "dataset: images.width is 9.5, but must be a whole number of at least 1"),
        ({"height": "9"}, "dataset: images.height is '9', but must be a whole number of at least 1"),
        ({"format": "gif"}, "dataset: images.format is 'gif', but must be png or jpeg"),
        ({"folder": 3}, "dataset: images.folder is 3, but must be the path of a file or folder"),
        ({"folder": "x", "count": 0}, "dataset: images.count is 0, but must be a whole number of at least 1"),
        ({"folder": "x", "repeat": 3}, "dataset: images.repeat is 3, but must be true or false"),
        (
            {"folder": "x", "width": 8},
            "dataset: images has no setting 'width'; allowed: folder, count, repeat",
        ),
        (
            {"repeat": True},
            "dataset: images has no setting 'repeat'; allowed: count, width, height, format",
        ),
        (3, "dataset: images is 3, but must be settings by name: count, width, height, format"),
    ],
)
def test_settings_that_are_not_allowed_are_refused(settings: Any, message: str) -> None:
    with pytest.raises(CaseError) as caught:
        parse_images("images", settings, BASE)
    assert str(caught.value) == message
