"""A chart with what says the same in words: the value, and how a page shows it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pytest_npuperf.report.charts.frame import CHART, Frame, axes
from pytest_npuperf.report.charts.scale import Kind, Scale
from pytest_npuperf.report.html.markup import Markup, element

__all__ = ["CHART_SIZE", "Figure", "figure_html"]

CHART_SIZE = (420, 224)
"""Width and height of a chart's picture on a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A chart and its text alternatives; nothing of it is drawn yet."""

    title: str
    """What is drawn; no other figure of its case has the same."""
    subtitle: str
    """Of what, and in which unit."""
    sentence: str
    """What the chart says."""
    table: Markup
    """Its values."""
    frame_of: Callable[[Kind], Frame]
    content: Callable[[Frame], Markup]
    """What is drawn into a frame."""
    kinds: Sequence[Kind] = ("linear",)
    """The kinds of axis that it can be drawn on."""
    legend: Sequence[tuple[str, str]] = ()
    """Name and look of each curve; not shown for a single one."""

    @property
    def slug(self) -> str:
        """The title as a file name: ``ttft-against-throughput``."""
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")

    def drawn(self, kind: Kind) -> Markup:
        """Axes and content on one kind of axis."""
        frame = self.frame_of(kind)
        return element(
            "g",
            axes(frame),
            self.content(frame),
            class_=f"axis-{kind}" if len(self.kinds) > 1 else None,
            data_x=_described(frame.x),
            data_y=_described(frame.y),
        )


def figure_html(figure: Figure) -> Markup:
    """The figure on a page, drawn on each kind of axis, of which the page shows one."""
    keys = [element("li", name, class_=f"key {look}") for name, look in figure.legend]
    width, height = CHART_SIZE
    return element(
        "figure",
        element("figcaption", element("h4", figure.title), element("p", figure.subtitle, class_="sub")),
        element("ul", *keys, class_="legend") if len(keys) > 1 else None,
        element(
            "svg",
            *map(figure.drawn, figure.kinds),
            viewBox=f"0 0 {width} {height}",
            class_="chart",
            role="img",
            aria_label=f"{figure.title}, {figure.subtitle}. {figure.sentence}",
            data_area=f"{CHART.left} {CHART.top} {CHART.right} {CHART.bottom}",
        ),
        element(
            "div",
            element("p", figure.sentence, class_="sentence"),
            element("p", "", class_="readout", aria_hidden="true"),
            class_="words",
        ),
        element("details", element("summary", f"{figure.title} as a table"), figure.table),
    )


def _described(scale: Scale) -> str:
    """For the page's script, which turns places back to values."""
    return f"{scale.kind} {scale.low:.9g} {scale.high:.9g} {scale.unit.size:g} {scale.unit.name}".rstrip()
