from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pytest_npuperf.report.page.baseline import baseline_table
from pytest_npuperf.result import CaseResult
from pytest_npuperf.slo import Reference
from pytest_npuperf.trace import Trace


def rows_of(made: str, read_html: Callable[[str], Any]) -> dict[str, list[str]]:
    cells = [tag.text for tag in read_html(made) if tag.name in ("th", "td")]
    return {row[0]: row[1:] for row in (cells[i : i + 5] for i in range(5, len(cells), 5))}


@pytest.fixture
def one_answer(make_result: Callable[..., CaseResult], build_trace: Callable[..., Trace]) -> Any:
    """Makes a case of equal answers: the first chunk after so many ms, the next ones 10 ms later."""

    def make(ttft: float, count: int = 300, **fields: Any) -> CaseResult:
        chunks = [ttft, ttft + 10, ttft + 20]
        answers = ({"sent": 0, "chunks": chunks, "end": ttft + 20} for _ in range(count))
        return make_result("chat", build_trace(*answers), **fields)

    return make


def test_a_figure_stands_beside_the_mean_of_the_baselines_runs(
    one_answer: Callable[..., CaseResult], read_html: Callable[[str], Any]
) -> None:
    runs = tuple(one_answer(ttft).stage_runs()["total"] for ttft in (49, 50, 51))
    reference = Reference("main", runs, ("driver: 2, in the baseline 1",))
    made = baseline_table(one_answer(60), reference)
    rows = rows_of(made, read_html)
    assert rows["ttft.p50"] == ["60 ms", "50 ms", "+20.0% (worse)", "6.7%"]
    assert rows["tpot.p50"] == ["10 ms", "10 ms", "+0.0%", "0.0%"]
    assert rows["request_throughput"][2].endswith("(worse)")
    assert "3 runs" in made
    assert "Noise floor: one run in 20" in made
    assert "driver: 2, in the baseline 1" in made


def test_higher_rates_are_better(
    one_answer: Callable[..., CaseResult], read_html: Callable[[str], Any]
) -> None:
    reference = Reference("main", (one_answer(80).stage_runs()["total"],))
    rows = rows_of(baseline_table(one_answer(30), reference), read_html)
    assert rows["output_token_throughput"][2] == "+100.0% (better)"
    assert rows["ttft.p99"][2] == "-62.5% (better)"


def test_a_figure_that_a_run_does_not_have_is_left_out(
    one_answer: Callable[..., CaseResult], read_html: Callable[[str], Any]
) -> None:
    run = one_answer(50).stage_runs()["total"]
    without = replace(run, samples={name: run.samples[name] for name in ("ttft", "e2el")})
    rows = rows_of(baseline_table(one_answer(50), Reference("main", (run, without))), read_html)
    assert list(rows) == [
        "ttft.p50",
        "ttft.p99",
        "e2el.p50",
        "e2el.p99",
        "output_token_throughput",
        "request_throughput",
    ]


def test_what_may_be_chance_is_neither_better_nor_worse(
    one_answer: Callable[..., CaseResult], read_html: Callable[[str], Any]
) -> None:
    reference = Reference("main", (one_answer(50).stage_runs()["total"],))
    rows = rows_of(baseline_table(one_answer(60, count=20), reference), read_html)
    assert rows["ttft.p99"][2] == "+20.0%"


def test_what_was_measured_by_turns_is_compared_pair_by_pair(
    one_answer: Callable[..., CaseResult], read_html: Callable[[str], Any]
) -> None:
    a, b = [one_answer(ttft) for ttft in (50, 51, 52)], [one_answer(ttft) for ttft in (60, 61, 62)]
    reference = Reference("chat@A", tuple(one.stage_runs()["total"] for one in a), is_paired=True)
    made = baseline_table(replace(b[0], measurements=tuple(b)), reference)
    cells = [tag.text for tag in read_html(made) if tag.name in ("th", "td")]
    assert cells[:7] == ["figure", "A", "B", "change", "90 % interval", "n", "B is"]
    row = cells[cells.index("ttft.avg") :][:7]
    assert (row[1], row[2], row[3], row[6]) == ("51.0 ms", "61.0 ms", "+19.6%", "✕worse")
    assert " .. " in row[4]
    assert cells[cells.index("failure_rate") + 6] == "same"
    assert "3 pairs" in made
    assert "Noise floor" not in made
    assert "A is suspect" not in made
    doubted = baseline_table(b[0], reference, doubts=["A is suspect: <why>"])
    assert "<li>A is suspect: &lt;why&gt;</li>" in doubted
