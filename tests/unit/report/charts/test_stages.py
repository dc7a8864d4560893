from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from pytest_npuperf.report.charts.frame import LETTER, Frame
from pytest_npuperf.report.charts.scale import Unit, linear
from pytest_npuperf.report.charts.stages import again_labels, backdrop, described_windows
from pytest_npuperf.report.html.markup import joined
from pytest_npuperf.report.windows import Windows

FRAME = Frame(linear(0, 10, Unit("s", 1.0)), linear(0, 1, Unit("", 1.0)))
AREA = FRAME.area


@pytest.fixture
def labels_of(read_html: Callable[[str], Any]) -> Callable[..., list[Any]]:
    """The labels of measurements that begin at some moments."""

    def find(*starts: float) -> list[Any]:
        labels: list[Any] = read_html(joined(again_labels(FRAME, Windows(starts=starts))))
        return labels

    return find


def extent(tag: Any) -> tuple[float, float]:
    """From where to where a label goes."""
    x, width = float(tag.attributes["x"]), len(tag.text) * LETTER
    return (x, x + width) if tag.attributes["text-anchor"] == "start" else (x - width, x)


def at(moment: float) -> float:
    return FRAME.place(moment, 0)[0]


def test_windows_are_tints_and_later_measurements_are_lines_over_them(
    read_html: Callable[[str], Any],
) -> None:
    shown = Windows(warmup=((-1.0, 1.0), (5.0, 6.0)), steady=((2.0, 4.0),), starts=(5.0,))
    tags = read_html(backdrop(FRAME, shown))
    looks = [(tag.name, tag.attributes["class"]) for tag in tags]
    assert looks == [("rect", "warmup"), ("rect", "warmup"), ("rect", "window"), ("line", "again")]
    places = [(float(tag.attributes["x"]), float(tag.attributes["width"])) for tag in tags[:3]]
    one = at(1.0) - AREA.left
    expected = [(AREA.left, one), (at(5.0), one), (at(2.0), 2 * one)]
    assert np.array(places) == pytest.approx(np.array(expected), abs=0.1)
    line = {name: float(tags[3].attributes[name]) for name in ("x1", "x2", "y1", "y2")}
    assert line == pytest.approx({"x1": at(5.0), "x2": at(5.0), "y1": AREA.top, "y2": AREA.bottom}, abs=0.1)


def test_a_warmup_that_had_ended_has_no_tint(read_html: Callable[[str], Any]) -> None:
    assert read_html(backdrop(FRAME, Windows(warmup=((-2.0, -1.0),)))) == []


def test_a_label_is_beside_its_line_and_within_the_chart(labels_of: Callable[..., list[Any]]) -> None:
    (first, last) = labels_of(3.0, 9.5)
    assert 0 < extent(first)[0] - at(3.0) < LETTER
    assert 0 < at(9.5) - extent(last)[1] < LETTER
    assert first.text == last.text != ""


def test_labels_that_would_cover_the_one_before_are_left_out(labels_of: Callable[..., list[Any]]) -> None:
    starts = [1.0 + number / 4 for number in range(32)]
    extents = [extent(label) for label in labels_of(*starts)]
    assert 1 < len(extents) < len(starts)
    assert all(end + LETTER <= start for (_, end), (start, _) in pairwise(extents))
    assert extents[0] == extent(labels_of(1.0)[0])
    assert AREA.left <= extents[0][0]
    assert extents[-1][1] <= AREA.right


def test_what_is_drawn_is_described_and_nothing_else() -> None:
    full = Windows(warmup=((-1.0, 1.0),), steady=((2.0, 4.0),), starts=(5.0,))
    nothing = described_windows(Windows())
    parts = [
        described_windows(shown)
        for shown in (
            replace(Windows(), steady=full.steady),
            replace(Windows(), warmup=full.warmup),
            replace(Windows(), starts=full.starts),
        )
    ]
    assert nothing == ""
    assert all(part.startswith("; ") and part.count(";") == 1 for part in parts)
    assert len(set(parts)) == 3
    assert described_windows(full) == "".join(parts)


def test_a_warmup_that_had_ended_is_not_described() -> None:
    assert described_windows(Windows(warmup=((-2.0, -1.0),))) == ""
