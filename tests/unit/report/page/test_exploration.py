from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_npuperf.capacity import End, Exploration, Search, Step
from pytest_npuperf.report.page.exploration import exploration_blocks
from pytest_npuperf.slo import parse_budget


def step(load: float, **fields: Any) -> Step:
    values: dict[str, Any] = {
        "kept": True,
        "ended_early": "",
        "client_bound": False,
        "requests": 200,
        "failed_requests": 0,
        "ttft_p50": 0.05 * load,
        "ttft_p99": 0.1 * load,
        "tpot_p50": None,
        "tpot_p99": None,
        "e2el_p99": 2.0,
        "output_token_throughput": 100.0 * load,
        "request_throughput": load,
    }
    return Step(load=load, **{**values, **fields})


@pytest.fixture
def search() -> Exploration:
    steps = (step(1), step(4, kept=False), step(2), step(3, client_bound=True))
    budgets = (parse_budget("ttft.p99 < 300 ms"),)
    return Exploration(
        axis="concurrency", search=Search("concurrency", budgets), steps=steps, end=End("edge", 2, 4)
    )


def test_latencies_that_were_measured_have_a_curve_by_load(
    search: Exploration, read_html: Callable[[str], Any]
) -> None:
    finding, figures, table = exploration_blocks(search)
    assert "concurrency 2 keeps ttft.p99 &lt; 300 ms; concurrency 4 does not" in finding
    tags = read_html(figures)
    titles = [tag.text for tag in tags if tag.name == "h4"]
    assert titles == ["TTFT against throughput", "E2EL against throughput"]
    loads = [tag.text for tag in tags if tag.attributes.get("class") == "load"]
    assert loads[:3] == ["1", "2", "4"]
    assert [tag.text for tag in read_html(table) if tag.attributes.get("scope") == "row"] == [
        "1",
        "4",
        "2",
        "3",
    ]


def test_steps_that_broke_a_budget_are_hollow_and_the_found_load_is_large(
    search: Exploration, read_html: Callable[[str], Any]
) -> None:
    _, figures, _ = exploration_blocks(search)
    dots = [tag.attributes for tag in read_html(figures) if tag.name == "circle"][:3]
    assert ["broken" in dot["class"] for dot in dots] == [False, False, True]
    assert [float(dot["r"]) for dot in dots] == [3.5, 5, 3.5]


def test_what_a_search_had_to_keep_is_a_line_across(
    search: Exploration, read_html: Callable[[str], Any]
) -> None:
    _, figures, _ = exploration_blocks(search)
    tags = read_html(figures)
    labels = [tag.text for tag in tags if tag.name == "text" and tag.attributes["class"] == "bound open"]
    assert labels == ["p99 < 300 ms"] * 2


def test_the_sentence_has_the_ends_of_the_curve(search: Exploration) -> None:
    _, figures, _ = exploration_blocks(search)
    assert (
        "From concurrency 1 to 4 the output rate goes from 100 to 400 token/s and the latency from "
        "100 ms to 400 ms." in figures
    )


def test_a_sweep_without_a_figure_still_has_its_table(read_html: Callable[[str], Any]) -> None:
    empty = step(1, kept=None, ttft_p50=None, ttft_p99=None, e2el_p99=None, output_token_throughput=None)
    sweep = Exploration(axis="rate", search=None, steps=(empty,), end=End("aborted"))
    finding, figures, table = exploration_blocks(sweep)
    assert "Sweep over rate: ended early" in finding
    assert "<figure>" not in figures
    assert [tag.text for tag in read_html(table) if tag.name == "td"][:2] == ["-", "-"]
