from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pytest_npuperf.metrics import ClientHealth
from pytest_npuperf.report.html.verdict_marks import Look
from pytest_npuperf.report.page.overview import Entry, contents, entries_of, headline
from pytest_npuperf.result import CaseResult, RunRecord


def entries(*states: str, **fields: Any) -> list[Entry]:
    return [
        Entry(name, state, f"verdict-{name}", **fields) for name, state in zip("abcdef", states, strict=False)
    ]


@pytest.mark.parametrize(
    ("states", "text", "look"),
    [
        ([], "No case was measured", "open"),
        (["passed"], "a passed", "pass"),
        (["failed"], "a failed", "fail"),
        (["error"], "a ended in an error", "fail"),
        (["no baseline"], "a has no baseline", "open"),
        (["stopped"], "a was stopped", "open"),
        (["passed"] * 3, "All 3 cases passed", "pass"),
        (["failed"] * 4, "All 4 cases failed", "fail"),
        (["error"] * 2, "All 2 cases with an error", "fail"),
        (["passed", "inconclusive", "passed"], "1 of 3 cases inconclusive", "open"),
        (["passed", "inconclusive", "failed"], "1 of 3 cases failed, 1 inconclusive", "fail"),
        (["error", "passed", "failed", "failed"], "2 of 4 cases failed, 1 with an error", "fail"),
    ],
)
def test_the_headline_says_how_the_run_came_out(states: list[str], text: str, look: Look) -> None:
    assert headline(entries(*states)) == (text, look)


def test_the_headline_says_where_nothing_was_measured() -> None:
    assert headline(entries("error", is_measured=False)) == (
        "a ended in an error: nothing was measured",
        "fail",
    )


def test_a_pass_of_a_client_that_was_the_bottleneck_is_none() -> None:
    bound = entries("passed", is_client_bound=True)
    assert headline(bound) == ("a passed, but the client was the bottleneck", "open")
    both = [*bound, Entry("b", "passed", "verdict-b")]
    assert headline(both) == ("All 2 cases passed, but in 1 of them the client was the bottleneck", "open")


def test_what_failed_before_a_measurement_is_a_case_of_the_run(
    make_result: Callable[..., CaseResult], make_record: Callable[..., RunRecord], healthy: ClientHealth
) -> None:
    result = make_result("a", health=replace(healthy, state="invalid"))
    outcomes = {result.nodeid: "failed", "test_x.py::Test::test_b[c::d]": "error"}
    record = make_record(result, failures=dict.fromkeys(outcomes, "why"), outcomes=outcomes)
    assert entries_of(record) == [
        Entry("a", "failed", "verdict-1", is_client_bound=True),
        Entry("Test::test_b[c::d]", "error", "verdict-2", is_measured=False),
    ]


def test_the_list_of_cases_has_the_gravest_first(read_html: Callable[[str], Any]) -> None:
    listed = contents(entries("passed", "inconclusive", "failed"))
    assert listed is not None
    links = [(tag.attributes["href"], tag.text) for tag in read_html(listed) if tag.name == "a"]
    assert links == [("#verdict-c", "c"), ("#verdict-b", "b"), ("#verdict-a", "a")]
    assert contents(entries("passed")) is None
