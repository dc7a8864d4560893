from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pytest_npuperf.report.charts.distributions import distribution_figures
from pytest_npuperf.report.charts.figure import figure_html
from pytest_npuperf.result import CaseResult
from pytest_npuperf.slo import Reference
from pytest_npuperf.trace import Trace


def figures_of(result: CaseResult, reference: Reference | None = None) -> list[str]:
    return list(map(figure_html, distribution_figures(result.stage_runs(), reference, result.verdicts)))


@pytest.fixture
def chat(make_result: Callable[..., CaseResult], load_trace: Callable[..., Trace]) -> CaseResult:
    return make_result("chat", load_trace(300))


def test_each_latency_that_was_measured_has_a_figure(chat: CaseResult, read_html: Callable[..., Any]) -> None:
    titles = [[tag.text for tag in read_html(made) if tag.name == "h4"] for made in figures_of(chat)]
    assert titles == [["TTFT"], ["TPOT"], ["ITL"], ["E2EL"]]


def test_answers_of_one_chunk_have_no_tpot_and_no_itl(
    make_result: Callable[..., CaseResult], build_trace: Callable[..., Trace], read_html: Callable[..., Any]
) -> None:
    result = make_result("one", build_trace({"sent": 0, "chunks": [50], "end": 51}))
    titles = [tag.text for made in figures_of(result) for tag in read_html(made) if tag.name == "h4"]
    assert titles == ["TTFT", "E2EL"]


def test_the_sentence_and_the_table_say_what_the_chart_shows(
    make_result: Callable[..., CaseResult], build_trace: Callable[..., Trace], read_html: Callable[..., Any]
) -> None:
    rows = [{"sent": 0, "chunks": [10 * number, 500], "end": 501} for number in range(1, 5)]
    (ttft, *_) = figures_of(make_result("chat", build_trace(*rows)))
    tags = read_html(ttft)
    sentence = (
        "Half of the 4 requests within 25 ms, 99 % within 39.7 ms. "
        "P99 rests on too few requests: it takes 299."
    )
    assert next(tag.text for tag in tags if tag.attributes.get("class") == "sentence") == sentence
    assert sentence in next(tag.attributes["aria-label"] for tag in tags if tag.name == "svg")
    cells = [tag.text for tag in tags if tag.name in ("th", "td")]
    assert cells[:9] == ["Stage", "N", "Min", "P50", "P90", "P95", "P99", "P99.9", "Max"]
    assert cells[9:] == [
        "total",
        "4",
        "10 ms",
        "25 ms*",
        "37 ms*",
        "38.5 ms*",
        "39.7 ms*",
        "39.97 ms*",
        "40 ms",
    ]


def test_failed_requests_keep_the_curve_below_the_top(
    make_result: Callable[..., CaseResult], build_trace: Callable[..., Trace]
) -> None:
    rows = [{"sent": 0, "chunks": [50, 60], "end": 61}] * 3 + [{"sent": 0, "end": 5, "error": "http_status"}]
    (ttft, *_) = figures_of(make_result("chat", build_trace(*rows)))
    assert "Half of the 4 requests within 50 ms, fewer than 99 % ever." in ttft
    assert "1 failed and count as never answered: the curve ends below 100 %." in ttft


def test_a_load_without_a_success_draws_nothing(
    make_result: Callable[..., CaseResult], build_trace: Callable[..., Trace]
) -> None:
    assert figures_of(make_result("chat", build_trace({"sent": 0, "end": 5, "error": "http_status"}))) == []


def test_budgets_are_lines_with_the_look_of_their_outcome(
    make_result: Callable[..., CaseResult], load_trace: Callable[..., Trace], read_html: Callable[..., Any]
) -> None:
    result = make_result("chat", load_trace(300), "ttft.p50 < 10 ms", "ttft.p99 < 90 ms", "tpot.p90 < 50 ms")
    (ttft, tpot, *_) = figures_of(result)
    labels = {
        tag.text: tag.attributes["class"] for tag in read_html(ttft) if "bound" in _class(tag) and tag.text
    }
    assert labels == {"p50 < 10 ms": "bound fail", "p99 < 90 ms": "bound pass"}
    assert {tag.text for tag in read_html(tpot) if "bound" in _class(tag)} == {"p90 < 50 ms →"}


def test_an_advisory_budget_that_broke_is_neither_kept_nor_a_failure(
    chat: CaseResult, make_result: Callable[..., CaseResult], read_html: Callable[..., Any]
) -> None:
    result = make_result("chat", chat.trace, "ttft.p50 < 10 ms")
    (verdict,) = result.verdicts
    advisory = replace(verdict, budget=replace(verdict.budget, advisory=True))
    (ttft, *_) = map(figure_html, distribution_figures(result.stage_runs(), None, [advisory]))
    assert {_class(tag) for tag in read_html(ttft) if "bound" in _class(tag)} == {"bound open"}


def test_the_parts_of_goodput_bound_their_own_latency(
    chat: CaseResult, make_result: Callable[..., CaseResult]
) -> None:
    result = make_result("chat", chat.trace, "goodput(ttft < 80 ms, tpot < 12 ms) >= 95 %")
    (ttft, tpot, itl, _) = figures_of(result)
    assert "goodput &lt; 80 ms" in ttft
    assert "goodput &lt; 12 ms" in tpot
    assert "goodput" not in itl


def test_a_baseline_is_a_curve_of_all_its_runs(
    chat: CaseResult, load_trace: Callable[..., Trace], make_result: Callable[..., CaseResult], read_html: Any
) -> None:
    earlier = [make_result("chat", load_trace(number)).stage_runs()["total"] for number in (100, 150)]
    (ttft, *_, e2el) = figures_of(chat, Reference("main", tuple(earlier)))
    for made in (ttft, e2el):
        tags = read_html(made)
        keys = [tag.text for tag in tags if tag.name == "li"]
        assert keys == ["total", "baseline main"]
        assert len([tag for tag in tags if tag.name == "tr"]) == 3
    cells = [tag.text for tag in read_html(ttft) if tag.name in ("th", "td")]
    assert cells[18:20] == ["baseline main", "250"]


def _class(tag: Any) -> str:
    return tag.attributes.get("class") or ""
