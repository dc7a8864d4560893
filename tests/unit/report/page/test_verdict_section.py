from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf
from typing import Any

import pytest

from pytest_npuperf.report.html.verdict_marks import verdict_badge, verdict_look, verdict_strip
from pytest_npuperf.report.page.verdict_section import case_state, headline, verdict_section
from pytest_npuperf.result import CaseResult
from pytest_npuperf.slo import Verdict, parse_budget


def verdict(expression: str = "ttft.p99 < 500 ms", **fields: Any) -> Verdict:
    values: dict[str, Any] = {"measured": 0.3, "n": 200, "outcome": "pass"}
    return Verdict(budget=parse_budget(expression), **{**values, **fields})


@pytest.fixture
def cases(make_result: Callable[..., CaseResult]) -> list[CaseResult]:
    return [make_result(name) for name in ("a", "b", "c")]


def test_the_headline_says_how_the_run_came_out(cases: list[CaseResult]) -> None:
    one, two, three = cases
    assert headline(cases, {}) == ("All 3 cases passed", "pass")
    assert headline([one], {}) == ("The case passed", "pass")
    assert headline([one], {one.nodeid: "failed"}) == ("The case: failed", "fail")
    assert headline([], {}) == ("No case was measured", "open")
    two.verdicts.append(verdict(outcome="inconclusive"))
    assert headline(cases, {}) == ("1 of 3 cases inconclusive", "open")
    outcomes = {three.nodeid: "failed"}
    assert headline(cases, outcomes) == ("1 of 3 cases failed, 1 inconclusive", "fail")


def test_a_failed_item_is_failed_whatever_else_is_said_of_its_case(
    make_result: Callable[..., CaseResult],
) -> None:
    result = make_result("a", stopped=True)
    assert case_state(result, {}) == "stopped"
    assert case_state(result, {result.nodeid: "failed"}) == "failed"


def test_a_case_without_its_baseline(make_result: Callable[..., CaseResult]) -> None:
    result = make_result("a")
    result.verdicts.append(verdict("ttft.p99 <= baseline + 5 %", outcome="no baseline", measured=None))
    assert case_state(result, {}) == "no baseline"


@pytest.mark.parametrize(
    ("outcome", "fields", "look"),
    [
        ("pass", {}, "pass"),
        ("fail", {}, "fail"),
        ("inconclusive", {}, "open"),
        ("inconclusive", {"if_open": "fail"}, "fail"),
        ("no baseline", {}, "open"),
    ],
)
def test_a_verdict_looks_like_what_becomes_of_its_test(
    outcome: str, fields: dict[str, Any], look: str
) -> None:
    assert verdict_look(verdict(outcome=outcome, **fields)) == look


def test_what_qualifies_an_outcome_stands_beside_it(read_html: Callable[[str], Any]) -> None:
    made = verdict("itl.p99 < 30 ms", outcome="fail", close=True, needed_n=299)
    made = replace(made, budget=replace(made.budget, advisory=True))
    tags = read_html(verdict_badge(made))
    assert [tag.text for tag in tags if tag.attributes.get("class") == "mark"] == [
        "close",
        "advisory",
        "unsupported",
    ]
    assert tags[1].attributes["class"] == "badge open"
    assert tags[1].text == "!fail"


def test_the_strip_draws_the_figure_and_its_interval_against_the_bound(
    read_html: Callable[[str], Any],
) -> None:
    strip = verdict_strip(verdict(measured=0.3, low=0.25, high=0.4))
    assert strip is not None
    parts = {tag.attributes["class"]: tag.attributes for tag in read_html(strip)[1:]}
    interval, dot, limit = parts["interval"], parts["dot"], parts["limit"]
    assert float(interval["x1"]) < float(dot["cx"]) < float(interval["x2"]) < float(limit["x1"])
    assert float(parts["good"]["x"]) == 0
    assert float(parts["good"]["width"]) == float(limit["x1"])


def test_the_strip_of_a_lower_bound_tints_the_other_side(read_html: Callable[[str], Any]) -> None:
    strip = verdict_strip(verdict("output_token_throughput > 100 token/s", measured=90.0, outcome="fail"))
    assert strip is not None
    parts = {tag.attributes["class"]: tag.attributes for tag in read_html(strip)[1:]}
    assert float(parts["dot"]["cx"]) < float(parts["limit"]["x1"]) == float(parts["good"]["x"])
    assert "interval" not in parts


@pytest.mark.parametrize(
    "made",
    [
        verdict(measured=None, outcome="fail"),
        verdict("failed_requests == 0", measured=3.0, outcome="fail"),
        verdict("ttft.p99 <= baseline + 5 %", outcome="no baseline"),
    ],
)
def test_there_is_no_strip_where_there_is_nothing_to_draw(made: Verdict) -> None:
    assert verdict_strip(made) is None


def test_an_infinite_figure_stands_at_the_end(read_html: Callable[[str], Any]) -> None:
    strip = verdict_strip(verdict(measured=inf, outcome="fail", low=0.6, high=inf))
    assert strip is not None
    parts = {tag.attributes["class"]: tag.attributes for tag in read_html(strip)[1:]}
    assert float(parts["dot"]["cx"]) > float(parts["limit"]["x1"])
    assert float(parts["dot"]["cx"]) == float(parts["interval"]["x2"])


def test_each_budget_has_its_figure_interval_bound_and_n(
    make_result: Callable[..., CaseResult], read_html: Callable[[str], Any]
) -> None:
    result = make_result("a")
    result.verdicts.append(
        verdict(
            measured=0.3, low=0.25, high=0.4, n=120, needed_n=299, reason="too few", outcome="inconclusive"
        )
    )
    tags = read_html(verdict_section([result], {}))
    cells = [tag.text for tag in tags if tag.attributes.get("role") in ("rowheader", "cell")]
    assert cells[0] == "ttft.p99 < 500 ms"
    assert cells[2:6] == ["300.0 ms", "250 .. 400 ms", "< 500 ms", "120 (needs 299)"]
    assert cells[6].endswith("inconclusiveunsupported")
    assert "ttft.p99 < 500 ms: too few" in [tag.text for tag in tags if tag.name == "li"]


def test_a_case_without_budgets_says_so(make_result: Callable[..., CaseResult]) -> None:
    assert "It has no budget." in verdict_section([make_result("a")], {})
    unmeasured = make_result("a", not_measured="client-bound")
    assert "the figures are not the server&#x27;s" in verdict_section([unmeasured], {})
