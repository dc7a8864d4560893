from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest

from pytest_npuperf.capacity import End, Exploration, Search, Step
from pytest_npuperf.report.charts.exploration import exploration_figures
from pytest_npuperf.report.charts.labels import Label
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
    finding, figures, table, _ = exploration_blocks(search)
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
        "3 shown below",
    ]


def test_steps_that_broke_a_budget_are_hollow_and_the_found_load_is_large(
    search: Exploration, read_html: Callable[[str], Any]
) -> None:
    _, figures, *_ = exploration_blocks(search)
    dots = [tag.attributes for tag in read_html(figures) if tag.name == "circle"][:3]
    assert ["broken" in dot["class"] for dot in dots] == [False, False, True]
    assert [float(dot["r"]) for dot in dots] == [3.5, 5, 3.5]
    assert "hollow: broke a budget; large: the load that was found" in figures
    borne = replace(search, steps=(step(1),), end=End("highest_kept"))
    assert "hollow" not in list(exploration_blocks(borne))[1]


def test_a_load_is_one_point_by_its_last_whole_measurement(
    search: Exploration, read_html: Callable[[str], Any]
) -> None:
    again = (step(2, kept=False, ttft_p99=0.25), step(2, kept=None, ended_early="stopped", ttft_p99=9.0))
    steps = (step(1), step(2), step(4, kept=False), *again)
    (ttft, *_) = exploration_figures(replace(search, steps=steps))
    tags = read_html(ttft.drawn("linear"))
    loads = [tag.text for tag in tags if tag.attributes.get("class") == "load"]
    assert loads == ["1", "2", "4"]
    dots = [tag.attributes["class"] for tag in tags if tag.name == "circle"]
    assert dots[3:] == ["point main", "point main broken", "point main broken"]
    assert "concurrency 2P99200250 ms" in "".join(
        tag.text for tag in read_html(ttft.table) if tag.name in ("th", "td")
    )
    assert "each load by its last measurement" in ttft.subtitle


def test_labels_of_loads_cover_neither_each_other_nor_a_point(read_html: Callable[[str], Any]) -> None:
    loads = [1, 2, 4, 7, 8, 9, 16]
    rates = [88, 170, 310, 500, 512, 520, 460]
    steps = tuple(
        step(load, kept=None, output_token_throughput=float(rate), ttft_p50=0.05, ttft_p99=0.06 + load / 1e4)
        for load, rate in zip(loads, rates, strict=True)
    )
    sweep = Exploration(axis="concurrency", search=None, steps=steps, end=End("all_measured"))
    (ttft, *_) = exploration_figures(sweep)
    tags = read_html(ttft.drawn("linear"))
    dots = [
        (float(tag.attributes["cx"]), float(tag.attributes["cy"])) for tag in tags if tag.name == "circle"
    ]
    labels = [
        Label(tag.text, float(tag.attributes["x"]), float(tag.attributes["y"]), tag.attributes["text-anchor"])
        for tag in tags
        if tag.attributes.get("class") == "load"
    ]
    assert len(labels) >= 5
    assert not any(label.covers(dots, 3) for label in labels)
    assert not any(one.meets(other) for one, other in combinations(labels, 2))


def test_what_a_search_had_to_keep_is_a_line_across(
    search: Exploration, read_html: Callable[[str], Any]
) -> None:
    _, figures, *_ = exploration_blocks(search)
    tags = read_html(figures)
    labels = [tag.text for tag in tags if tag.name == "text" and tag.attributes["class"] == "bound open"]
    assert labels == ["p99 < 300 ms"] * 2
    assert "has no curve" not in figures


def test_a_bound_on_what_has_no_curve_says_so(search: Exploration) -> None:
    budgets = (parse_budget("ttft.p90 < 300 ms"),)
    _, figures, *_ = exploration_blocks(replace(search, search=Search("concurrency", budgets)))
    assert figures.count("; the bound is on P90, which has no curve</p>") == 1
    assert "p90 &lt; 300 ms" in figures


def test_the_sentence_has_the_ends_of_the_curve_and_its_peak(search: Exploration) -> None:
    ends = "From concurrency 1 to 4 the output rate goes from 100 to 400 token/s"
    left_out = "Not drawn: concurrency 3, where the client was the bottleneck."
    ttft, _ = exploration_figures(search)
    assert ttft.sentence == f"{ends}; P99 goes from 100 ms to 400 ms. {left_out}"
    steps = (step(1), step(2, output_token_throughput=520.0), step(4))
    ttft, _ = exploration_figures(replace(search, steps=steps))
    assert ttft.sentence == f"{ends}, its peak is 520 token/s at 2; P99 goes from 100 ms to 400 ms."


def test_one_load_is_no_course() -> None:
    sweep = Exploration(axis="rate", search=None, steps=(step(2.5),), end=End("all_measured"))
    ttft, _ = exploration_figures(sweep)
    assert ttft.sentence == "There is one load to draw, rate 2.5 req/s: 250 token/s, P99 250 ms."


@pytest.mark.parametrize(
    ("steps", "below"),
    [
        ((step(1), step(2), step(4, kept=False), step(2), step(4, kept=False)), 3),
        ((step(1), step(2), step(2), step(1, kept=None, ended_early="stopped")), 2),
        ((step(1, kept=False), step(1, kept=False)), 1),
    ],
)
def test_the_step_that_the_rest_of_the_case_is_of_is_named_and_marked(
    search: Exploration, read_html: Callable[[str], Any], steps: tuple[Step, ...], below: int
) -> None:
    *_, table, sentence = exploration_blocks(replace(search, steps=steps))
    marked = ["shown below" in tag.text for tag in read_html(table) if tag.attributes.get("scope") == "row"]
    assert [place for place, is_marked in enumerate(marked) if is_marked] == [below]
    assert (
        f"The figures below and the verdicts on them are of concurrency {steps[below].load:g} alone."
        in sentence
    )


def test_a_sweep_is_judged_on_its_last_step(search: Exploration) -> None:
    sweep = replace(search, search=None, steps=(step(1), step(1), step(8)), end=End("all_measured"))
    *_, sentence = exploration_blocks(sweep)
    assert "concurrency 8 alone" in sentence


def test_a_sweep_without_a_figure_still_has_its_table(read_html: Callable[[str], Any]) -> None:
    empty = step(1, kept=None, ttft_p50=None, ttft_p99=None, e2el_p99=None, output_token_throughput=None)
    sweep = Exploration(axis="rate", search=None, steps=(empty,), end=End("aborted"))
    finding, figures, table, _ = exploration_blocks(sweep)
    assert "Sweep over rate: ended early" in finding
    assert "<figure>" not in figures
    assert [tag.text for tag in read_html(table) if tag.name == "td"][:2] == ["-", "-"]
