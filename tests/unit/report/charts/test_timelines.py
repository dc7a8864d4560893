from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pytest_npuperf.confirming import pooled_result
from pytest_npuperf.metrics import ClientHealth, summarize
from pytest_npuperf.report.charts.figure import figure_html
from pytest_npuperf.report.charts.timelines import timeline_figures
from pytest_npuperf.result import CaseResult
from pytest_npuperf.trace import Trace


@pytest.fixture
def tags_of(read_html: Callable[[str], Any]) -> Callable[[CaseResult], dict[str, list[Any]]]:
    """The elements of each figure by its title."""

    def find(result: CaseResult) -> dict[str, list[Any]]:
        figures = [read_html(figure_html(made)) for made in timeline_figures(result)]
        return {next(tag.text for tag in tags if tag.name == "h4"): tags for tags in figures}

    return find


def column(tags: list[Any], place: int) -> list[str]:
    cells = [tag.text for tag in tags if tag.name in ("th", "td")]
    width = len([tag for tag in tags if tag.name == "th" and "scope" in tag.attributes]) - len(
        [tag for tag in tags if tag.attributes.get("scope") == "row"]
    )
    return cells[place::width][1:]


def test_a_closed_loop_has_a_token_rate_and_a_concurrency(
    make_result: Callable[..., CaseResult], load_trace: Callable[..., Trace], tags_of: Callable[..., Any]
) -> None:
    assert list(tags_of(make_result("chat", load_trace(100)))) == ["Output token rate", "Concurrency"]


def test_tokens_are_counted_in_the_interval_in_which_they_came(
    make_result: Callable[..., CaseResult], build_trace: Callable[..., Trace], tags_of: Callable[..., Any]
) -> None:
    trace = build_trace(
        {"sent": 0, "chunks": [50, 150, 250], "end": 1000, "output_tokens": 6},
        {"sent": 0, "chunks": [950], "end": 950, "error": "truncated"},
    )
    tags = tags_of(make_result("chat", trace))["Output token rate"]
    assert column(tags, 0)[:3] == ["0 to 0.1", "0.1 to 0.2", "0.2 to 0.3"]
    assert column(tags, 1) == ["20", "20", "20", *["0"] * 7]


def test_chunks_count_as_many_tokens_as_the_server_says(
    make_result: Callable[..., CaseResult], build_trace: Callable[..., Trace], tags_of: Callable[..., Any]
) -> None:
    trace = build_trace({"sent": 0, "chunks": [50, 150], "end": 1000, "output_tokens": 4})
    tags = tags_of(make_result("chat", replace(trace, chunk_tokens=np.array([1, 3]))))["Output token rate"]
    assert column(tags, 1)[:3] == ["10", "30", "0"]


def test_concurrency_by_time(
    make_result: Callable[..., CaseResult], build_trace: Callable[..., Trace], tags_of: Callable[..., Any]
) -> None:
    trace = build_trace({"sent": 0, "chunks": [10], "end": 1000}, {"sent": 500, "chunks": [510], "end": 550})
    tags = tags_of(make_result("chat", trace))["Concurrency"]
    sentence = next(tag.text for tag in tags if tag.attributes.get("class") == "sentence")
    assert sentence == "At most 2 at once, 1.05 on average."
    assert column(tags, 1) == [*["1"] * 5, "1.5", *["1"] * 4]
    assert column(tags, 2) == ["1"] * 10
    assert column(tags, 3) == [*["1"] * 5, "2", *["1"] * 4]


def test_concurrency_is_an_average_within_a_band_and_counted_in_whole_numbers(
    make_result: Callable[..., CaseResult], build_trace: Callable[..., Trace], tags_of: Callable[..., Any]
) -> None:
    rows = [{"sent": 10 * n, "chunks": [10 * n + 1], "end": 10 * n + 9} for n in range(1000)]
    tags = tags_of(make_result("one", build_trace(*rows)))["Concurrency"]
    paths = {tag.attributes.get("data-name"): tag.attributes for tag in tags if tag.name == "path"}
    assert {name: path["class"] for name, path in paths.items()} == {
        None: "band",
        "average": "curve main",
        "least": "curve edge",
        "most": "curve edge",
    }
    assert len(paths["average"]["d"]) < 500  # the 1,000 drops to 0 are in the band
    top, bottom = 10, 200
    heights = {name: set(map(float, re.findall(r"V([\d.]+)", path["d"]))) for name, path in paths.items()}
    assert heights["most"] == {top}
    assert heights["least"] == set()  # it stays where a curve begins, at 0
    assert heights[None] == {top, bottom}
    assert max(heights["average"]) < top + 0.2 * (bottom - top)
    ticks = [tag.text for tag in tags if tag.name == "text"]
    assert ticks[:2] == ["0", "1"]
    assert [tag.text for tag in tags if tag.name == "li"] == []


def test_an_open_loop_has_the_rate_asked_for_and_achieved(
    make_result: Callable[..., CaseResult],
    load_trace: Callable[..., Trace],
    healthy: ClientHealth,
    tags_of: Callable[..., Any],
) -> None:
    health = replace(healthy, asked_rate=100.0, achieved_rate=99.5)
    tags = tags_of(make_result("chat", load_trace(100), health=health))["Arrival rate"]
    sentence = next(tag.text for tag in tags if tag.attributes.get("class") == "sentence")
    assert sentence == "The schedule has 100 req/s; sent were 99.5."
    assert [tag.attributes["data-name"] for tag in tags if tag.name == "path"] == ["due", "sent", "ended"]
    rates = [float(cell) for cell in column(tags, 1)]
    assert rates[:5] == pytest.approx([100] * 5, abs=10)  # what is due at an edge may fall to either side


@pytest.mark.parametrize(
    ("arrival", "schedule"),
    [
        ("constant", "The schedule has"),
        ("poisson", "The schedule drawn from the seed has"),
        ({"gamma": {"burstiness": 0.5}}, "The schedule drawn from the seed has"),
    ],
)
def test_what_was_asked_for_is_a_schedule(
    make_result: Callable[..., CaseResult],
    load_trace: Callable[..., Trace],
    healthy: ClientHealth,
    arrival: object,
    schedule: str,
) -> None:
    health = replace(healthy, asked_rate=20.7, achieved_rate=20.71)
    settings = {"load": {"rate": 20.0, "arrival": arrival}}
    result = make_result("chat", load_trace(100), health=health, settings=settings)
    *_, arrivals = timeline_figures(result)
    assert arrivals.sentence == f"{schedule} 20.7 req/s; sent were 20.71."
    again = replace(result, measurements=(result, result))
    *_, arrivals = timeline_figures(again)
    assert arrivals.sentence.endswith("sent were 20.71 in the measurement that fell furthest behind it.")


def test_every_measurement_has_its_windows_and_a_line_where_it_begins(
    make_result: Callable[..., CaseResult], load_trace: Callable[..., Trace], tags_of: Callable[..., Any]
) -> None:
    trace = load_trace(100)
    stages = (summarize(trace, max_concurrency=2, stage="steady"),)
    once = make_result("chat", trace, warmup_window=(-1.0, 0.1), steady_window=(0.2, 0.8), stages=stages)
    again = pooled_result([once, once])
    for tags in (tags_of(once), tags_of(again)):
        subtitle = next(tag.text for tag in tags["Concurrency"] if tag.attributes.get("class") == "sub")
        assert "steady stage is shaded yellow; warmup requests still in flight are shaded grey" in subtitle
    looks = [tag.attributes.get("class") for tag in tags_of(again)["Output token rate"] if tag.name != "text"]
    assert [looks.count(look) for look in ("warmup", "window", "again")] == [2, 2, 1]
    labels = [
        tag.text for tag in tags_of(again)["Output token rate"] if tag.attributes.get("class") == "again"
    ]
    assert labels == ["", "measured again"]
    assert "measured again" not in {tag.text for tag in tags_of(once)["Output token rate"]}


def test_labels_of_later_measurements_do_not_cover_each_other(
    make_result: Callable[..., CaseResult], load_trace: Callable[..., Trace], tags_of: Callable[..., Any]
) -> None:
    once = make_result("chat", load_trace(100))
    tags = tags_of(pooled_result([once] * 9))["Concurrency"]
    again = [tag for tag in tags if tag.attributes.get("class") == "again"]
    assert len([tag for tag in again if tag.name == "line"]) == 8
    starts = [
        float(tag.attributes["x"]) for tag in again if tag.text and tag.attributes["text-anchor"] == "start"
    ]
    assert len(starts) > 1
    assert min(np.diff(starts)) > 14 * 6


def test_the_steady_stage_is_shaded(
    make_result: Callable[..., CaseResult], load_trace: Callable[..., Trace], tags_of: Callable[..., Any]
) -> None:
    trace = load_trace(100)
    plain = tags_of(make_result("chat", trace))["Concurrency"]
    steady = tags_of(make_result("chat", trace, steady_window=(0.2, 0.8)))["Concurrency"]
    assert [tag.name for tag in plain if tag.attributes.get("class") == "window"] == []
    assert [tag.name for tag in steady if tag.attributes.get("class") == "window"] == ["rect"]
    assert "the steady stage is shaded yellow" in next(
        t.text for t in steady if t.attributes.get("class") == "sub"
    )


def test_nothing_sent_is_nothing_drawn(
    make_result: Callable[..., CaseResult], build_trace: Callable[..., Trace]
) -> None:
    assert list(timeline_figures(make_result("chat", build_trace()))) == []


@pytest.fixture
def arrivals_of(
    make_result: Callable[..., CaseResult], build_trace: Callable[..., Trace], healthy: ClientHealth
) -> Callable[..., Any]:
    """Makes the figure of requests due at some moments, in ms, sent a little late, each answered."""

    def make(due: list[float], took: float) -> Any:
        rows = [
            {"scheduled": at, "sent": at + 0.3, "chunks": [at + took / 2], "end": at + took} for at in due
        ]
        rate = 1000 * (len(due) - 1) / (due[-1] - due[0])
        health = replace(healthy, asked_rate=rate, achieved_rate=rate)
        (*_, figure) = timeline_figures(make_result("chat", build_trace(*rows), health=health))
        return figure

    return make


def steps_of(tags: list[Any], name: str) -> list[tuple[float, float, float]]:
    """From where to where a curve holds which height above the lower edge, in units of the picture."""
    (path,) = [
        tag.attributes["d"] for tag in tags if tag.name == "path" and tag.attributes["data-name"] == name
    ]
    found, x, height = [], 0.0, 0.0
    for command, text in re.findall(r"([MHV])([\d.]+)", path):
        if command == "V":
            height = 200 - float(text)
        else:
            found.append((x, float(text), height))
            x = float(text)
    return found[1:]


@pytest.mark.parametrize("took", [40, 900])
@pytest.mark.parametrize("gap", [100, 1000 / 7])
def test_a_constant_rate_is_drawn_as_constant(
    arrivals_of: Callable[..., Any], read_html: Callable[[str], Any], gap: float, took: float
) -> None:
    figure = arrivals_of([gap * number for number in range(79)], took)
    tags = read_html(figure.drawn("linear"))
    for name in ("due", "sent"):
        heights = {round(height) for _, _, height in steps_of(tags, name)} - {0}
        assert len(heights) == 1
    rates = [float(cell) for cell in column(read_html(figure.table), 1)]
    assert rates[:5] == pytest.approx([1000 / gap] * 5, rel=0.01)


def test_each_request_counts_once_in_the_rate_of_arrivals(
    arrivals_of: Callable[..., Any], read_html: Callable[[str], Any]
) -> None:
    due = np.cumsum(np.random.default_rng(3).exponential(100, 80))
    figure = arrivals_of([0.0, *due.tolist()], 2000.0)
    frame = figure.frame_of("linear")
    one_second = (frame.area.right - frame.area.left) / frame.x.high
    one_a_second = (frame.area.bottom - frame.area.top) / frame.y.high
    for name in ("due", "sent"):
        steps = steps_of(read_html(figure.drawn("linear")), name)
        area = sum((end - start) * height for start, end, height in steps)
        assert area / one_second / one_a_second == pytest.approx(81, rel=0.02)
        assert steps[-1][2] == 0  # nothing is due while the last ones are answered
