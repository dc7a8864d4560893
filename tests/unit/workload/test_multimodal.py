from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from pytest_npuperf.errors import CaseError, DatasetError
from pytest_npuperf.workload import parse_dataset, prompts
from pytest_npuperf.workload.audio import Audio
from pytest_npuperf.workload.images import ImageFolder, Images
from pytest_npuperf.workload.lengths import Empirical, Uniform
from pytest_npuperf.workload.multimodal import Multimodal, multimodal_prompts
from pytest_npuperf.workload.tokens import estimate_tokens
from pytest_npuperf.workload.video import VideoFile

BASE = Path("/project")
SMALL = Images(1, 8, 8)


def kinds(dataset: Multimodal) -> list[str]:
    [message] = next(multimodal_prompts(dataset, seed=0)).messages
    assert message["role"] == "user"
    return [part["type"] for part in message["content"]]


def test_the_text_comes_first_then_images_video_and_sound() -> None:
    dataset = Multimodal(images=Images(2, 8, 8), audio=Audio(0.1), video=Images(3, 8, 8))

    assert kinds(dataset) == ["text", *["image_url"] * 5, "input_audio"]


def test_what_is_not_set_is_left_out() -> None:
    assert kinds(Multimodal(images=SMALL)) == ["text", "image_url"]
    assert kinds(Multimodal(audio=Audio(0.1))) == ["text", "input_audio"]
    assert kinds(Multimodal(modalities=("audio",))) == ["text"]


def test_lengths_hold_for_text_and_answer() -> None:
    prompt = next(multimodal_prompts(Multimodal(images=SMALL, input_tokens=50, output_tokens=7), seed=0))

    assert estimate_tokens(prompt.messages[0]["content"][0]["text"]) == 50
    assert (prompt.max_tokens, prompt.exact_output) == (7, True)


def test_lengths_can_be_drawn() -> None:
    dataset = Multimodal(images=SMALL, input_tokens=Uniform(10, 20), output_tokens=Empirical((3, 5)))
    made = list(islice(multimodal_prompts(dataset, seed=0), 100))

    texts = [estimate_tokens(prompt.messages[0]["content"][0]["text"]) for prompt in made]
    assert (min(texts), max(texts)) == (10, 20)
    assert {prompt.max_tokens for prompt in made} == {3, 5}


def test_no_input_length_is_claimed_where_the_server_alone_counts_the_media() -> None:
    assert next(multimodal_prompts(Multimodal(images=SMALL), seed=0)).input_tokens is None


def test_no_two_prompts_begin_alike_and_the_seed_decides() -> None:
    def texts(seed: int) -> list[str]:
        made = islice(multimodal_prompts(Multimodal(images=SMALL), seed=seed), 50)
        return [prompt.messages[0]["content"][0]["text"] for prompt in made]

    assert len({" ".join(text.split()[:4]) for text in texts(1)}) == 50
    assert texts(1) == texts(1)
    assert not set(texts(1)) & set(texts(2))


def test_the_kind_of_answer_goes_into_the_request() -> None:
    speech = {"voice": "alloy", "format": "wav"}
    dataset = Multimodal(audio=Audio(0.1), modalities=("text", "audio"), speech=speech)

    assert next(multimodal_prompts(dataset, seed=0)).extra == {
        "modalities": ["text", "audio"],
        "audio": speech,
    }
    assert next(multimodal_prompts(Multimodal(images=SMALL), seed=0)).extra == {}


@pytest.mark.parametrize("media", ["images", "video"])
def test_missing_files_are_refused_before_the_first_prompt(tmp_path: Path, media: str) -> None:
    dataset = Multimodal(**{media: ImageFolder(tmp_path / "none")})  # type: ignore[arg-type]

    with pytest.raises(DatasetError, match="no folder"):
        multimodal_prompts(dataset, seed=0)


@pytest.mark.parametrize(
    ("value", "dataset"),
    [
        ("images", Multimodal(images=Images())),
        (
            {"images": {"count": 2, "width": 8, "input_tokens": 9, "output_tokens": 10}},
            Multimodal(images=Images(2, 8), input_tokens=9, output_tokens=10),
        ),
        (
            {"images": {"folder": "photos", "output_tokens": {"uniform": {"min": 2, "max": 9}}}},
            Multimodal(images=ImageFolder(BASE / "photos"), output_tokens=Uniform(2, 9)),
        ),
        (
            {
                "multimodal": {
                    "images": {},
                    "audio": {"seconds": 2},
                    "video": {"path": "clip.mp4"},
                    "modalities": ["text", "audio"],
                    "speech": {"voice": "alloy"},
                }
            },
            Multimodal(
                images=Images(),
                audio=Audio(2),
                video=VideoFile(BASE / "clip.mp4"),
                modalities=("text", "audio"),
                speech={"voice": "alloy"},
            ),
        ),
    ],
)
def test_a_case_names_its_media(value: object, dataset: Multimodal) -> None:
    assert parse_dataset(value, base=BASE) == dataset


def test_the_dataset_has_prompts() -> None:
    assert next(prompts(Multimodal(images=SMALL, output_tokens=5), seed=0, max_tokens=99)).max_tokens == 5


NOTHING = (
    "dataset: multimodal has nothing but text: set images, audio, video or modalities, or use "
    "{synthetic: {input_tokens: 100, output_tokens: 200}}"
)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"multimodal": {}}, NOTHING),
        (
            {"multimodal": {"images": {}, "image": {}}},
            "dataset: multimodal has no setting 'image' (did you mean images?); allowed: images, audio, "
            "video, input_tokens, output_tokens, modalities, speech",
        ),
        (
            {"multimodal": {"images": {"wide": 3}}},
            "dataset: multimodal.images has no setting 'wide' (did you mean width?); allowed: count, width, "
            "height, format",
        ),
        (
            {"multimodal": {"modalities": ["sound"]}},
            "dataset: multimodal.modalities is ['sound'], but must be a list of text, audio or both",
        ),
        (
            {"multimodal": {"modalities": "text"}},
            "dataset: multimodal.modalities is 'text', but must be a list of text, audio or both",
        ),
        (
            {"multimodal": {"images": {}, "speech": {"voice": "alloy"}}},
            "dataset: multimodal.speech is {'voice': 'alloy'}, but must be the voice and format of an "
            "answer in sound, as in {voice: alloy, format: wav}, beside modalities: [text, audio]",
        ),
        (
            {"multimodal": {"modalities": ["audio"], "speech": "alloy"}},
            "dataset: multimodal.speech is 'alloy', but must be the voice and format of an answer in "
            "sound, as in {voice: alloy, format: wav}, beside modalities: [text, audio]",
        ),
        (
            {"images": {"input_tokens": 3}},
            "dataset: input_tokens is 3, but must be a whole number of at least 4",
        ),
        (
            {"images": {"output_tokens": 0}},
            "dataset: output_tokens is 0, but must be a whole number of at least 1",
        ),
        (
            {"images": {"with": 3}},
            "dataset: images has no setting 'with' (did you mean width?); allowed: count, width, height, "
            "format, folder, repeat, input_tokens, output_tokens",
        ),
    ],
)
def test_settings_that_are_not_allowed_are_refused(value: Any, message: str) -> None:
    with pytest.raises(CaseError) as caught:
        parse_dataset(value, base=BASE)
    assert str(caught.value) == message
