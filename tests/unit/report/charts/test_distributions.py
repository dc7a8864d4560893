from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pytest_npuperf.metrics import pooled_turn_stages
from pytest_npuperf.report.charts.distributions import distribution_figures
from pytest_npuperf.report.charts.figure import figure_html
from pytest_npuperf.report.charts.scale import Kind
from pytest_npuperf.result import CaseResult
from pytest_npuperf.slo import Reference, Verdict, parse_budget
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
    assert table(tags) == {
        "TTFT, ms": ["total"],
        "N": ["4"],
        "Min": ["10"],
        "P50": ["25*"],
        "P90": ["37*"],
        "P95": ["38.5*"],
        "P99": ["39.7*"],
        "P99.9": ["39.97*"],
        "Max": ["40"],
    }


def test_failed_requests_keep_the_curve_below_the_top(
    make_result: Callable[..., CaseResult], build_trace: Callable[..., Trace]
) -> None:
    rows = [{"sent": 0, "chunks": [50, 60], "end": 61}] * 3 + [{"sent": 0, "end": 5, "error": "http_status"}]
    (ttft, _, itl, _) = figures_of(make_result("chat", build_trace(*rows)))
    assert "Half of the 4 requests within 50 ms; fewer than 99 % of them were answered." in ttft
    assert "1 failed, counted as never answered (the case&#x27;s tables leave them out)" in ttft
    assert "Not counted: 1 failed." in itl


def test_a_load_without_a_success_draws_nothing(
    make_result: Callable[..., CaseResult], build_trace: Callable[..., Trace]
) -> None:
    assert figures_of(make_result("chat", build_trace({"sent": 0, "end": 5, "error": "http_status"}))) == []


def test_budgets_are_lines_with_the_look_of_their_outcome(
    make_result: Callable[..., CaseResult], load_trace: Callable[..., Trace], read_html: Callable[..., Any]
) -> None:
    result = make_result("chat", load_trace(300), "ttft.p50 < 55 ms", "ttft.p99 < 90 ms", "tpot.p90 < 50 ms")
    (ttft, tpot, *_) = figures_of(result)
    labels = {
        tag.text: tag.attributes["class"] for tag in read_html(ttft) if "bound" in _class(tag) and tag.text
    }
    assert labels == {"p50 < 55 ms": "bound fail", "p99 < 90 ms": "bound pass"}
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
    assert "in goodput: &lt; 80 ms" in ttft
    assert "in goodput: &lt; 12 ms" in tpot
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
    assert table(read_html(ttft))["TTFT, ms"] == ["total", "baseline main"]
    assert table(read_html(ttft))["N"] == ["300", "250"]


def test_the_bound_that_a_baseline_makes_has_four_digits(
    chat: CaseResult, read_html: Callable[..., Any]
) -> None:
    (budget,) = map(parse_budget, ["ttft.p50 <= baseline + 1 %"])
    verdict = Verdict(budget=budget, measured=0.06, n=300, outcome="pass", bound=0.0546205)
    (ttft, *_) = map(figure_html, distribution_figures(chat.stage_runs(), None, [verdict]))
    assert {tag.text for tag in read_html(ttft) if "bound" in _class(tag) and tag.text} == {"p50 <= 54.62 ms"}


def test_a_bound_that_is_broken_by_far_is_no_line_on_the_axis(
    make_result: Callable[..., CaseResult], load_trace: Callable[..., Trace], read_html: Callable[..., Any]
) -> None:
    result = make_result("chat", load_trace(300), "ttft.p99 < 1 ms")
    linear, log = (drawn_on(result, kind, read_html) for kind in ("linear", "log"))
    for tags in (linear, log):
        assert [(tag.name, tag.text) for tag in tags if "bound" in _class(tag)] == [("text", "← p99 < 1 ms")]


def drawn_on(result: CaseResult, kind: Kind, read_html: Callable[..., Any]) -> list[Any]:
    """The elements of the TTFT chart on one kind of axis."""
    (ttft, *_) = distribution_figures(result.stage_runs(), None, result.verdicts)
    drawn: list[Any] = read_html(ttft.drawn(kind))
    return drawn


@pytest.fixture
def talk(
    build_trace: Callable[..., Trace], make_result: Callable[..., CaseResult]
) -> Callable[..., CaseResult]:
    """Makes the result of conversations of so many turns, judged by some budgets."""

    def make(turns: int, *budgets: str) -> CaseResult:
        rows = [
            {"sent": 100 * turn, "chunks": [100 * turn + 20 + turn, 100 * turn + 40], "end": 100 * turn + 50}
            for turn in range(turns)
        ]
        trace = build_trace(*(row | {"turn": turn, "conversation": 0} for turn, row in enumerate(rows)))
        stages = pooled_turn_stages([trace], max_concurrency=1)
        return make_result("talk", trace, *budgets, stages=stages)

    return make


@pytest.mark.parametrize(
    ("turns", "left_out"),
    [(3, ""), (4, "; turn 4 is in the table only"), (7, "; turns 4 to 7 are in the table only")],
)
def test_turns_without_a_curve_are_named_and_in_the_table(
    talk: Callable[..., CaseResult], read_html: Callable[..., Any], turns: int, left_out: str
) -> None:
    (ttft, *_) = figures_of(talk(turns))
    tags = read_html(ttft)
    subtitle = next(tag.text for tag in tags if _class(tag) == "sub")
    assert subtitle == f"time to first token; share of requests within a time{left_out}"
    assert table(tags)["Min"][1:] == [str(20 + turn) for turn in range(turns)]
    curves = [tag.attributes["data-name"] for tag in tags if tag.name == "path"]
    assert set(curves) == {"total", "turn 1", "turn 2", "turn 3"}


def test_the_turn_of_a_budget_has_a_curve(
    talk: Callable[..., CaseResult], read_html: Callable[..., Any]
) -> None:
    (ttft, *_) = figures_of(talk(6, "turn 5.ttft.p90 < 300 ms"))
    tags = read_html(ttft)
    assert [tag.text for tag in tags if tag.name == "li"] == ["total", "turn 1", "turn 2", "turn 5"]
    assert "; turn 3, turn 4, turn 6 are in the table only" in ttft


def table(tags: list[Any]) -> dict[str, list[str]]:
    """The rows of a figure's table by their names."""
    cells = [tag.text for tag in tags if tag.name in ("th", "td")]
    width = len([tag for tag in tags if tag.attributes.get("scope") == "col"])
    rows = [cells[start : start + width] for start in range(0, len(cells), width)]
    return {name: values for name, *values in rows}


def _class(tag: Any) -> str:
    return tag.attributes.get("class") or ""


@pytest.mark.parametrize("early", [[0.0], [0.0, 0.001, 0.002]])
def test_gaps_of_next_to_nothing_do_not_take_the_logarithmic_axis(
    make_result: Callable[..., CaseResult],
    build_trace: Callable[..., Trace],
    read_html: Callable[..., Any],
    early: list[float],
) -> None:
    gaps = [*early, *(4 + number / 50 for number in range(100))]
    chunks = [10.0]
    for gap in gaps:
        chunks.append(chunks[-1] + gap)
    result = make_result("chat", build_trace({"sent": 0, "chunks": chunks, "end": chunks[-1] + 1}))
    itl = next(made for made in distribution_figures(result.stage_runs(), None, []) if made.title == "ITL")
    frame = itl.frame_of("log")
    assert frame.x.low == pytest.approx(0.002)
    (path,) = [tag.attributes["d"] for tag in read_html(itl.drawn("log")) if tag.name == "path"]
    height = frame.place(1, len(early) / len(gaps))[1]
    assert path.startswith(f"M{frame.area.left:g} {frame.area.bottom:g}H{frame.area.left:g}V{height:.1f}")
    assert itl.frame_of("linear").x.low == 0


def test_a_small_share_of_fast_requests_is_on_the_logarithmic_axis(
    make_result: Callable[..., CaseResult], build_trace: Callable[..., Trace]
) -> None:
    rows = [{"sent": 0, "chunks": [at], "end": at + 1} for at in [20] * 6 + [400] * 94]
    (ttft, *_) = distribution_figures(make_result("chat", build_trace(*rows)).stage_runs(), None, [])
    assert ttft.frame_of("log").x.low <= 0.02
