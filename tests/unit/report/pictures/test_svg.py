from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from pytest_npuperf.report.html.markup import Markup
from pytest_npuperf.report.pictures.svg import Picture, picture_svg

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def picture() -> Picture:
    return Picture(
        slug="ttft",
        title="TTFT",
        subtitle="time to first token",
        sentence="Half of them within 5 ms.",
        size=(420, 224),
        drawing=Markup('<path class="curve main" d="M0 0H1"/>'),
    )


def texts(root: ET.Element) -> list[str | None]:
    return [text.text for text in root.iter(f"{SVG}text")]


def test_a_picture_stands_by_itself(picture: Picture) -> None:
    root = ET.fromstring(picture_svg(picture, case="chat"))
    assert root.tag == f"{SVG}svg"
    assert texts(root) == ["TTFT", "chat", "time to first token"]
    assert root.findtext(f"{SVG}desc") == "Half of them within 5 ms."
    style = root.findtext(f"{SVG}style")
    assert style is not None
    assert ".curve {" in style
    assert "var(" not in style
    assert "light-dark" not in style


def test_what_is_above_the_drawing_makes_room_for_itself(picture: Picture) -> None:
    plain = ET.fromstring(picture_svg(picture, case="chat"))
    crowded = replace(
        picture, subtitle="word " * 40, legend=[(f"curve number {n}", "main") for n in range(9)]
    )
    root = ET.fromstring(picture_svg(crowded, case="chat"))
    assert float(root.attrib["height"]) > float(plain.attrib["height"]) + 60
    highest = max(float(text.attrib["y"]) for text in root.iter(f"{SVG}text"))
    assert float(root.attrib["height"]) - 224 == pytest.approx(highest)
    for text in root.iter(f"{SVG}text"):
        assert float(text.attrib["x"]) + 4 * len(text.text or "") < 420


def test_one_curve_needs_no_legend(picture: Picture) -> None:
    assert picture_svg(replace(picture, legend=[("runs", "main")]), case="a") == picture_svg(
        picture, case="a"
    )


@pytest.mark.parametrize(
    "case", ["</title><script>alert(1)</script>", "\x1b[31m\ud800", "]]>&lt;", "x" * 500]
)
def test_a_case_s_name_is_text(picture: Picture, case: str) -> None:
    root = ET.fromstring(picture_svg(picture, case=case))
    assert {element.tag for element in root.iter()} == {
        f"{SVG}{tag}" for tag in ("svg", "title", "desc", "style", "rect", "text", "g", "path")
    }
    (shown,) = [text for text in root.iter(f"{SVG}text") if text.attrib["class"] == "case"]
    assert len(shown.text or "") < 90
