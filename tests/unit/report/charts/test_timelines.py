from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pytest_npuperf.metrics import ClientHealth
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
    assert column(tags, 2) == [*["1"] * 5, "2", *["1"] * 4]


def test_an_open_loop_has_the_rate_asked_for_and_achieved(
    make_result: Callable[..., CaseResult],
    load_trace: Callable[..., Trace],
    healthy: ClientHealth,
    tags_of: Callable[..., Any],
) -> None:
    health = replace(healthy, asked_rate=100.0, achieved_rate=99.5)
    tags = tags_of(make_result("chat", load_trace(100), health=health))["Arrival rate"]
    sentence = next(tag.text for tag in tags if tag.attributes.get("class") == "sentence")
    assert sentence == "Asked for were 100 requests a second, achieved 99.5."
    assert [tag.attributes["data-name"] for tag in tags if tag.name == "path"] == ["due", "sent", "ended"]
    rates = [float(cell) for cell in column(tags, 1)]
    assert rates[:5] == pytest.approx([100] * 5, abs=10)  # what is due at an edge may fall to either side


def test_the_steady_stage_is_shaded(
    make_result: Callable[..., CaseResult], load_trace: Callable[..., Trace], tags_of: Callable[..., Any]
) -> None:
    trace = load_trace(100)
    plain = tags_of(make_result("chat", trace))["Concurrency"]
    steady = tags_of(make_result("chat", trace, steady_window=(0.2, 0.8)))["Concurrency"]
    assert [tag.name for tag in plain if tag.attributes.get("class") == "window"] == []
    assert [tag.name for tag in steady if tag.attributes.get("class") == "window"] == ["rect"]
    assert "the steady stage is shaded" in next(t.text for t in steady if t.attributes.get("class") == "sub")


def test_nothing_sent_is_nothing_drawn(
    make_result: Callable[..., CaseResult], build_trace: Callable[..., Trace]
) -> None:
    assert list(timeline_figures(make_result("chat", build_trace()))) == []
