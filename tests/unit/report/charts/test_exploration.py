from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations, pairwise
from typing import Any

import pytest

from pytest_npuperf.capacity import End, Exploration, Search, Step
from pytest_npuperf.report.charts.exploration import exploration_figures
from pytest_npuperf.report.charts.labels import Label, Point, sampled
from pytest_npuperf.slo import parse_budget

KNEE = (
    (1, 110, 64, 108),
    (2, 208, 68, 131),
    (4, 390, 67, 125),
    (8, 680, 73, 117),
    (16, 1065, 62, 120),
    (18, 1000, 82, 200),
    (19, 1010, 77, 218),
    (20, 985, 101, 190),
    (24, 930, 180, 282),
    (32, 885, 272, 342),
)
"""Load, token/s, P50 and P99 of TTFT in ms, of a search for the most clients."""


@pytest.fixture
def near_the_knee() -> Exploration:
    steps = tuple(
        Step(
            load=load,
            kept=load <= 18,
            ended_early="",
            client_bound=False,
            requests=40,
            failed_requests=0,
            ttft_p50=p50 / 1000,
            ttft_p99=p99 / 1000,
            tpot_p50=None,
            tpot_p99=None,
            e2el_p99=None,
            output_token_throughput=float(rate),
            request_throughput=rate / 16,
        )
        for load, rate, p50, p99 in KNEE
    )
    search = Search("concurrency", (parse_budget("ttft.p90 < 150 ms"),))
    return Exploration(axis="concurrency", search=search, steps=steps, end=End("edge", 18, 19))


@pytest.fixture(params=["linear", "log"])
def tags(
    request: pytest.FixtureRequest, near_the_knee: Exploration, read_html: Callable[[str], Any]
) -> list[Any]:
    """The elements of the chart of TTFT on one kind of axis."""
    (ttft,) = exploration_figures(near_the_knee)
    drawn: list[Any] = read_html(ttft.drawn(request.param))
    return drawn


def loads(tags: list[Any]) -> list[Label]:
    return [
        Label(tag.text, float(tag.attributes["x"]), float(tag.attributes["y"]), tag.attributes["text-anchor"])
        for tag in tags
        if tag.attributes.get("class") == "load"
    ]


def dots(tags: list[Any], look: str) -> list[Point]:
    return [
        (float(tag.attributes["cx"]), float(tag.attributes["cy"]))
        for tag in tags
        if tag.name == "circle" and look in tag.attributes["class"].split()
    ]


def test_crowded_loads_have_no_label_but_what_is_looked_for_has(tags: list[Any]) -> None:
    texts = {label.text for label in loads(tags)}
    assert {"1", "18", "32", "16"} <= texts  # the ends, what was found, the peak
    assert "20" not in texts  # among the points of 18 and 19, and neither's neighbour


def test_a_label_is_nearest_to_the_point_of_its_load(tags: list[Any]) -> None:
    main, second = dots(tags, "main"), dots(tags, "second")
    place_of = {str(load): place for (load, *_), place in zip(KNEE, main, strict=True)}
    for label in loads(tags):
        own = place_of[label.text]
        others = [place for place in (*main, *second) if place != own]
        assert label.distance(own) < min(map(label.distance, others))


def test_labels_of_loads_touch_no_stroke_and_no_label(tags: list[Any]) -> None:
    labels = loads(tags)
    paths = [tag.attributes["d"] for tag in tags if tag.name == "path"]
    strokes = [[(float(x), float(y)) for x, y in re.findall(r"([\d.]+) ([\d.]+)", path)] for path in paths]
    assert len(strokes) == 2
    along = [place for stroke in strokes for ends in pairwise(stroke) for place in sampled(ends)]
    assert not any(label.covers(along) for label in labels if label.text != "18")
    assert not any(one.meets(other) for one, other in combinations(labels, 2))


def test_a_bound_has_its_label_where_points_lie_at_both_ends_of_its_line(
    near_the_knee: Exploration, read_html: Callable[[str], Any]
) -> None:
    rows = ((1, 30.0, 0.15), (2, 100.0, 0.16), (3, 1180.0, 0.15), (4, 1240.0, 0.14))
    steps = tuple(
        replace(
            near_the_knee.steps[0], load=load, output_token_throughput=rate, ttft_p50=None, ttft_p99=latency
        )
        for load, rate, latency in rows
    )
    search = Exploration(axis="concurrency", search=near_the_knee.search, steps=steps, end=End("edge", 2, 3))
    (ttft,) = exploration_figures(search)
    texts = [
        tag.text
        for tag in read_html(ttft.drawn("linear"))
        if tag.name == "text" and tag.attributes["class"] == "bound open"
    ]
    assert texts == ["p90 < 150 ms"]
