"""Images, sound and video in, sound out: from ``npuperf.yaml`` to the records of the server."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

IMAGES = """
task: image-text-to-text
cases:
  - name: pictures
    dataset: {images: {count: 2, width: 320, height: 200, input_tokens: 16, output_tokens: 6}}
    requests: 3
    warmup: 0
    slo: [failed_requests == 0]
"""

ANY_TO_ANY = """
task: any-to-any
cases:
  - name: omni
    dataset:
      multimodal:
        images: {count: 1, width: 64, height: 48}
        video: {frames: {count: 3, width: 32, height: 24}}
        audio: {seconds: 0.5}
        output_tokens: 6
        modalities: [text, audio]
        speech: {voice: alloy, format: pcm16}
    requests: 2
    warmup: 0
    slo: [failed_requests == 0]
"""

ReportOf = Callable[[pytest.Pytester], Path]


@pytest.fixture
def measure(pytester: pytest.Pytester, server: Any, report_of: ReportOf) -> Callable[[str], Any]:
    """Runs one case; returns the simulator's records of its requests and what the report says of each."""

    def measure(cases: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        pytester.makefile(".yaml", npuperf=cases)
        pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}").assert_outcomes(passed=1)
        # The others asked whether the server is ready.
        records = [record for record in server.requests() if record["images"]]
        return records, json.loads(next(report_of(pytester).rglob("*_details.json")).read_text())

    return measure


def test_the_server_gets_the_images_that_the_case_asks_for(measure: Callable[[str], Any]) -> None:
    records, details = measure(IMAGES)

    assert [record["images"] for record in records] == [[{"width": 320, "height": 200}] * 2] * 3
    assert [request["output_tokens"] for request in details] == [6, 6, 6]
    image_tokens = 2 * math.ceil(320 / 28) * math.ceil(200 / 28)
    assert all(10 < request["input_tokens"] - image_tokens < 50 for request in details)


def test_an_any_to_any_case_sends_all_media_and_counts_the_sound_it_gets(
    measure: Callable[[str], Any],
) -> None:
    records, details = measure(ANY_TO_ANY)

    sizes = [{"width": 64, "height": 48}, *[{"width": 32, "height": 24}] * 3]
    assert [record["images"] for record in records] == [sizes] * 2
    assert [record["audio_seconds"] for record in records] == [[0.5]] * 2
    # Three chunks of text, three of sound.
    assert [len(request["chunk_times"]) for request in details] == [6, 6]
    assert [request["output_tokens"] for request in details] == [6, 6]
