from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest
from PIL import Image

from pytest_npuperf.report.pictures import case_pictures
from pytest_npuperf.result import CaseResult
from pytest_npuperf.trace import Trace


@pytest.fixture
def result(make_result: Callable[..., CaseResult], load_trace: Callable[..., Trace]) -> CaseResult:
    return make_result("chat", load_trace(40), "ttft.p90 < 80 ms")


def test_each_chart_is_a_file_of_its_own(result: CaseResult) -> None:
    pictures = list(case_pictures(result, "svg"))
    assert [(title, name) for title, name, _ in pictures] == [
        ("TTFT", "ttft.svg"),
        ("TPOT", "tpot.svg"),
        ("ITL", "itl.svg"),
        ("E2EL", "e2el.svg"),
        ("Output token rate", "output-token-rate.svg"),
        ("Concurrency", "concurrency.svg"),
        ("Concurrency visualization", "concurrency-visualization.svg"),
    ]
    for _, _, content in pictures:
        ET.fromstring(content)
    assert b"p90 &lt; 80 ms" in pictures[0][2]


def test_png_has_two_pixels_a_unit_and_is_not_empty(result: CaseResult) -> None:
    svg = {title: ET.fromstring(content) for title, _, content in case_pictures(result, "svg")}
    for title, name, content in case_pictures(result, "png"):
        image = Image.open(io.BytesIO(content))
        assert name.endswith(".png")
        assert image.size == tuple(round(2 * float(svg[title].attrib[side])) for side in ("width", "height"))
        colours = image.convert("RGB").getcolors(maxcolors=1 << 20)
        assert colours is not None
        assert len(colours) > 20
