"""A picture as an SVG file that needs nothing beside it: heading, keys, drawing, and light colours."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from pytest_npuperf.report.html.document import asset
from pytest_npuperf.report.html.markup import Markup, element
from pytest_npuperf.report.html.svg import label, line
from pytest_npuperf.text import printable

__all__ = ["Picture", "picture_svg"]

_EDGE = 12
_TITLE, _LINE = 24, 15
"""Where the first line stands, and how far the next ones are from each other."""
_LETTER = 6.2
"""Width of a letter of a line under the title, on average."""
_SAMPLE = 18
_VARIABLE = re.compile(r"var\((--[\w-]+)\)")
_COLOUR = re.compile(r"(--[\w-]+): light-dark\((#\w+), #\w+\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What is drawn, and what is written above it."""

    slug: str
    """Its name in the folder of its case."""
    title: str
    subtitle: str
    sentence: str
    """What the drawing says, for those who do not see it."""
    size: tuple[float, float]
    """Width and height of the drawing."""
    drawing: Markup
    legend: Sequence[tuple[str, str]] = ()
    """Name and look of each thing in it."""
    has_areas: bool = False
    """Whether the legend is of filled areas, else of curves."""


def picture_svg(picture: Picture, *, case: str) -> bytes:
    """The file.

    Args:
        picture: What it shows.
        case: The case's name, to stand beside the title: a picture may be shown by itself.
    """
    width, height = picture.size
    lines = textwrap.wrap(picture.subtitle, int((width - 2 * _EDGE) / _LETTER * 1.1))
    below = _TITLE + _LINE * (1 + len(lines))
    keys = list(_keys(picture, below, width))
    top = below + (_LINE * (1 + max(row for row, _ in keys)) if keys else 0)
    root = element(
        "svg",
        element("title", f"{picture.title}: {case}"),
        element("desc", picture.sentence),
        element("style", _style()),
        element("rect", class_="back", width=f"{width:g}", height=f"{top + height:g}"),
        label("title", picture.title, (_EDGE, _TITLE)),
        label("case", printable(case, int((width - 2 * _EDGE) / _LETTER)), (_EDGE, _TITLE + _LINE)),
        *(label("sub", text, (_EDGE, _TITLE + _LINE * (2 + row))) for row, text in enumerate(lines)),
        *(key for _, key in keys),
        element("g", picture.drawing, transform=f"translate(0 {top:g})"),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width:g} {top + height:g}",
        width=f"{width:g}",
        height=f"{top + height:g}",
        class_="chart",
    )
    return f"{root}\n".encode()


def _keys(picture: Picture, below: float, width: float) -> Iterator[tuple[int, Markup]]:
    """The legend in rows; each key with the number of its row."""
    if len(picture.legend) < 2:
        return
    row, x = 0, float(_EDGE)
    for name, look in picture.legend:
        needed = _SAMPLE + 6 + len(name) * _LETTER + 14
        if x + needed > width and x > _EDGE:
            row, x = row + 1, float(_EDGE)
        base = below + _LINE * (row + 1)
        yield row, _key(name, look, (x, base), is_area=picture.has_areas)
        x += needed


def _key(name: str, look: str, at: tuple[float, float], *, is_area: bool) -> Markup:
    x, base = at
    sample = (
        element("rect", class_=f"key {look}", x=f"{x:g}", y=f"{base - 8:g}", width=10, height=8)
        if is_area
        else line(f"curve sample {look}", (x, base - 3), (x + _SAMPLE, base - 3))
    )
    return element("g", sample, label("key", name, (x + (_SAMPLE if not is_area else 10) + 6, base)))


@cache
def _style() -> Markup:
    """The style sheets of charts and pictures; variables are resolved, which few programs but browsers do."""
    colours = dict(_COLOUR.findall(asset("colours.css")))
    own = resources.files(__package__).joinpath("picture.css").read_text(encoding="utf-8")
    return Markup(_VARIABLE.sub(lambda match: colours[match[1]], asset("chart.css") + own))
