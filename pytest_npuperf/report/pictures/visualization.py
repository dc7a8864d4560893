"""The concurrency visualization as a picture: request timeline above the steps of concurrency."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np

from pytest_npuperf.metrics.requests import NS_PER_S, Floats
from pytest_npuperf.report.charts.curves import Curve, step_path
from pytest_npuperf.report.charts.frame import Area, Frame, axes
from pytest_npuperf.report.charts.scale import Scale, Unit, linear, number, round_step
from pytest_npuperf.report.charts.stages import again_labels, backdrop, described_windows
from pytest_npuperf.report.html.markup import Markup, element, joined
from pytest_npuperf.report.html.svg import label
from pytest_npuperf.report.pictures.svg import Picture
from pytest_npuperf.report.plot.columns import plot_columns
from pytest_npuperf.report.windows import windows
from pytest_npuperf.result import CaseResult
from pytest_npuperf.trace import Ints

__all__ = ["visualization"]

_SIZE = (840, 470)
_TIMELINE = Area(50, 828, 20, 290)
_CONCURRENCY = Area(50, 828, 330, 446)
_SECONDS, _COUNT = Unit("s", 1.0), Unit("", 1.0)
_BAR = 0.7
"""Height of a bar, as a share of its row."""
_NARROWEST = 0.6
"""Units of the picture: no part of a bar is narrower, or it could not be seen."""


@dataclass(frozen=True, slots=True, eq=False)
class _Bars:
    """The requests in order of their start; seconds, and rows from 1."""

    start: Floats
    first: Floats
    """Where red ends."""
    end: Floats
    row: Ints
    rows: int
    marked: Sequence[tuple[str, Sequence[int]]]
    """Kind of mark, and the places of the requests that have it."""


def visualization(result: CaseResult) -> Picture | None:
    """The picture of a case; None where no request was sent.

    Where there are more rows than can be seen, neighbours share a band, in which the row with the slowest
    request is drawn, as in the plot.
    """
    columns = plot_columns(result.trace)
    if not columns["id"]:
        return None
    bars = _bars(columns)
    duration = max(float(bars.end.max()), 1e-9)
    band = max(1, ceil(bars.rows / _TIMELINE.height))
    seconds = linear(0, duration, _SECONDS, to_the_end=False)
    timeline = Frame(seconds, _rows(bars.rows), _TIMELINE)
    times = np.cumsum(columns["steps"]["time"]) / NS_PER_S
    counts = np.array(columns["steps"]["count"], dtype=np.float64)
    most = max(float(counts.max(initial=0)), 1)
    below = Frame(seconds, linear(0, most, _COUNT, ticks=4, whole=True), _CONCURRENCY)
    shown = windows(result)
    drawn = _drawn(bars, band)
    drawing = joined(
        (
            _panel(timeline, _timeline_title(band, is_shared=columns["row"] is not None)),
            axes(timeline, x_labels=False),
            backdrop(timeline, shown),
            _polygons(timeline, "ttft", ((at, bars.start[at], bars.first[at]) for at in drawn), bars, band),
            _polygons(timeline, "decode", ((at, bars.first[at], bars.end[at]) for at in drawn), bars, band),
            *(_marks(timeline, kind, places, bars) for kind, places in bars.marked),
            _panel(below, "Concurrency"),
            axes(below),
            backdrop(below, shown),
            _steps(below, Curve("in flight", "in-flight", times, counts, duration)),
            *again_labels(below, shown),
        )
    )
    return Picture(
        slug="concurrency-visualization",
        title="Concurrency visualization",
        subtitle="each request over time in seconds, and how many were in flight" + described_windows(shown),
        sentence=f"{len(bars.start)} requests in {number(duration)} s, at most "
        f"{number(float(counts.max(initial=0)))} at once; {len(columns['failed'])} failed.",
        size=_SIZE,
        drawing=drawing,
        legend=(("TTFT", "ttft"), ("Decode", "decode"), ("Concurrency", "in-flight")),
        has_areas=True,
    )


def _bars(columns: dict[str, Any]) -> _Bars:
    start = np.cumsum(columns["start"]) / NS_PER_S
    end = start + np.array(columns["e2el"]) / NS_PER_S
    known = [0 if ttft is None else ttft for ttft in columns["ttft"]]
    first = start + np.array(known) / NS_PER_S
    undecoded = columns["undecoded"]
    first[undecoded] = end[undecoded]
    row = np.array(columns["row"] if columns["row"] is not None else range(len(start))) + 1
    marked = (("failed", [int(place) for place in columns["failed"]]), ("cancelled", columns["cancelled"]))
    return _Bars(start, first, end, row, int(row.max()), marked)


def _rows(rows: int) -> Scale:
    """The axis of rows, counted from 1."""
    step = max(1, round(round_step(rows / 6)))
    ticks = dict.fromkeys((1, *range(step, rows + 1, step)))
    return Scale("linear", 0.5, rows + 0.5, tuple(map(float, ticks)), _COUNT)


def _timeline_title(band: int, *, is_shared: bool) -> str:
    what = "conversations" if is_shared else "requests"
    return "Request timeline" + (f" (the slowest of each {band} {what})" if band > 1 else "")


def _panel(frame: Frame, text: str) -> Markup:
    return label("panel", text, (frame.area.left, frame.area.top - 7))


def _drawn(bars: _Bars, band: int) -> list[int]:
    """The places of the requests that are drawn: those of the row with the slowest request of each band."""
    if band == 1:
        return list(range(len(bars.start)))
    lengths = bars.end - bars.start
    slowest: dict[int, int] = {}
    for at in np.argsort(-lengths, kind="stable").tolist():
        slowest.setdefault((int(bars.row[at]) - 1) // band, int(bars.row[at]))
    drawn: list[int] = np.flatnonzero(np.isin(bars.row, list(slowest.values()))).tolist()
    return drawn


def _polygons(
    frame: Frame, look: str, parts: Iterable[tuple[int, float, float]], bars: _Bars, band: int
) -> Markup:
    """All parts of one colour as one path: the place of each in the columns, from when and to when."""
    words = []
    for at, start, end in parts:
        if end <= start:
            continue
        low = (int(bars.row[at]) - 1) // band * band + 1
        half = _BAR / 2 if band == 1 else 0.5
        left, bottom = frame.place(start, low - half)
        right, top = frame.place(end, min(low + band - 1, bars.rows) + half)
        words.append(f"M{left:.1f} {bottom:.1f}H{max(right, left + _NARROWEST):.1f}V{top:.1f}H{left:.1f}z")
    return element("path", class_=look, d="".join(words)) if words else joined(())


def _marks(frame: Frame, kind: str, places: Iterable[int], bars: _Bars) -> Markup:
    """A cross or a square at the end of each; one for those that would cover each other."""
    shape = "l6 6m0 -6l-6 6" if kind == "failed" else "h6v6h-6z"
    corners: dict[tuple[int, int], str] = {}
    for at in places:
        x, y = frame.place(float(bars.end[at]), float(bars.row[at]))
        corners.setdefault((round(x / 4), round(y / 4)), f"M{x - 3:.1f} {y - 3:.1f}{shape}")
    return element("path", class_=f"mark {kind}", d="".join(corners.values())) if corners else joined(())


def _steps(frame: Frame, curve: Curve) -> Markup:
    return element("path", class_="in-flight", d=f"{step_path(frame, curve)}V{frame.area.bottom:g}z")
