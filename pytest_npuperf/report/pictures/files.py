"""The pictures of a case as files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pytest_npuperf.report.charts.distributions import distribution_figures
from pytest_npuperf.report.charts.exploration import exploration_figures
from pytest_npuperf.report.charts.figure import CHART_SIZE, Figure
from pytest_npuperf.report.charts.timelines import timeline_figures
from pytest_npuperf.report.pictures.svg import Picture, picture_svg
from pytest_npuperf.report.pictures.visualization import visualization
from pytest_npuperf.report.reference import shown_reference
from pytest_npuperf.result import CaseResult

__all__ = ["PictureFormat", "case_pictures"]

PictureFormat = Literal["svg", "png"]

_PNG_SCALE = 2
"""Pixels of a unit: sharp on screens of two pixels a point."""


def case_pictures(result: CaseResult, picture_format: PictureFormat) -> Iterator[tuple[str, str, bytes]]:
    """Each chart of a case: its title, the name of its file and the content.

    Raises:
        ModuleNotFoundError: PNG is asked for, and the package that makes it is not installed.
    """
    for picture in _pictures(result):
        svg = picture_svg(picture, case=result.name)
        content = svg if picture_format == "svg" else _png(svg)
        yield picture.title, f"{picture.slug}.{picture_format}", content


def _pictures(result: CaseResult) -> Iterator[Picture]:
    if result.exploration is not None:
        yield from map(_of_figure, exploration_figures(result.exploration))
    figures = distribution_figures(result.stage_runs(), shown_reference(result), result.verdicts)
    yield from map(_of_figure, figures)
    yield from map(_of_figure, timeline_figures(result))
    shown = visualization(result)
    if shown is not None:
        yield shown


def _of_figure(figure: Figure) -> Picture:
    return Picture(
        slug=figure.slug,
        title=figure.title,
        subtitle=figure.subtitle,
        sentence=figure.sentence,
        size=CHART_SIZE,
        drawing=figure.drawn(figure.kinds[0]),
        legend=figure.legend,
    )


def _png(svg: bytes) -> bytes:
    import vl_convert

    png: bytes = vl_convert.svg_to_png(svg.decode(), scale=_PNG_SCALE)
    return png
