from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from pytest_npuperf.confirming import pooled_result
from pytest_npuperf.metrics import ClientHealth, summarize
from pytest_npuperf.report import pair_lines
from pytest_npuperf.report.marks import case_marks
from pytest_npuperf.report.page.overview import entries_of
from pytest_npuperf.report.page.verdict_section import verdict_section
from pytest_npuperf.result import CaseResult, RunRecord
from pytest_npuperf.trace import Trace

Results = Callable[..., CaseResult]


def test_each_measurement_has_its_steady_stage(
    make_result: Results, load_trace: Callable[..., Trace]
) -> None:
    trace = load_trace(100)
    stages = (summarize(trace, max_concurrency=2, stage="steady"),)
    once = make_result("chat", trace, steady_window=(0.0197, 0.75), stages=stages)
    assert list(case_marks(once)) == ["Steady stage: 0.02 to 0.75 s after the first request was sent"]
    *_, told = case_marks(pooled_result([once, once]))
    first, second = told.removesuffix(", one measurement after the other").split(", ")
    assert first == "Steady stages: 0.02 to 0.75 s"
    start, end = (float(part) for part in second.removesuffix(" s").split(" to "))
    assert start > 1
    assert end - start == pytest.approx(0.73, abs=0.011)


@pytest.fixture
def doubtful(
    make_result: Results, healthy: ClientHealth, build_trace: Callable[..., Trace]
) -> list[CaseResult]:
    """A, of whose prompts the server had seen a part and whose client was late, and B."""
    rows = {"sent": 0, "chunks": [50, 60], "end": 60, "input_tokens": 100}
    seen, unseen = build_trace({**rows, "cached_tokens": 50}), build_trace({**rows, "cached_tokens": 0})
    late = replace(healthy, state="invalid", reasons=("it was late",))
    a = make_result("chat@A", seen, nodeid="x::chat", in_pairs=True, health=late, cache_expected=False)
    return [a, make_result("chat", unseen, nodeid="x::chat", in_pairs=True, cache_expected=False)]


def test_what_is_doubtful_of_a_is_told_of_b(
    doubtful: list[CaseResult], make_record: Callable[..., RunRecord]
) -> None:
    a, b = doubtful
    doubts = list(case_marks(b, doubtful))
    assert doubts[0].startswith("A is suspect: 50.0% of the input tokens")
    assert doubts[1:] == ["A has a client that is invalid: it was late"]
    assert list(case_marks(b, [b])) == []
    assert not any(mark.startswith("A ") for mark in case_marks(a, doubtful))
    assert [line for line, _ in pair_lines(doubtful)][1:3] == doubts
    record = make_record(*doubtful)
    page = verdict_section(record, entries_of(record))
    assert page.count("A is suspect: 50.0%") == 1


def test_a_namesake_of_another_item_is_not_a(doubtful: list[CaseResult]) -> None:
    a, b = doubtful
    assert list(case_marks(b, [replace(a, nodeid="y::chat"), b])) == []
    assert list(case_marks(replace(b, in_pairs=False), doubtful)) == []
