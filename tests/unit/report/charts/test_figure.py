from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_npuperf.report.charts.figure import Figure, figure_html
from pytest_npuperf.report.charts.frame import Frame
from pytest_npuperf.report.charts.scale import KINDS, Unit, linear, of_kind
from pytest_npuperf.report.html.markup import element, joined

S, SHARE = Unit("s", 1.0), Unit("%", 0.01)


@pytest.fixture
def figure() -> Figure:
    return Figure(
        title="A <title>, twice",
        subtitle="of what",
        sentence="All is well.",
        table=element("table"),
        frame_of=lambda kind: Frame(of_kind(kind, 1, 9, S), linear(0, 1, SHARE)),
        content=lambda _: joined(()),
        kinds=KINDS,
        legend=[("one", "main"), ("other", "second")],
    )


def test_a_figure_is_drawn_on_both_kinds_of_axis(figure: Figure, read_html: Callable[..., list]) -> None:  # type: ignore[type-arg]
    tags = read_html(figure_html(figure))
    groups = [tag for tag in tags if tag.name == "g"]
    assert [group.attributes["class"] for group in groups] == ["axis-linear", "axis-log"]
    assert [group.attributes["data-x"] for group in groups] == ["linear 0 10 1 s", "log 1 10 1 s"]


def test_a_figure_says_what_it_shows(figure: Figure, read_html: Callable[..., list]) -> None:  # type: ignore[type-arg]
    tags = read_html(figure_html(figure))
    (svg,) = [tag for tag in tags if tag.name == "svg"]
    assert svg.attributes["role"] == "img"
    assert svg.attributes["aria-label"] == "A <title>, twice, of what. All is well."
    assert [tag.text for tag in tags if tag.name == "li"] == ["one", "other"]
    assert "A <title>, twice as a table" in [tag.text for tag in tags if tag.name == "summary"]


def test_a_figure_has_a_name_for_files(figure: Figure) -> None:
    assert figure.slug == "a-title-twice"
