from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf
from typing import Any

import pytest

from pytest_npuperf.capacity import End, Exploration, measured_step
from pytest_npuperf.metrics import ClientHealth
from pytest_npuperf.report.html.verdict_marks import verdict_badge, verdict_look, verdict_strip
from pytest_npuperf.report.page.overview import entries_of
from pytest_npuperf.report.page.verdict_section import verdict_section
from pytest_npuperf.result import CaseResult, RunRecord
from pytest_npuperf.slo import Verdict, parse_budget
from pytest_npuperf.trace import Trace


def verdict(expression: str = "ttft.p99 < 500 ms", **fields: Any) -> Verdict:
    values: dict[str, Any] = {"measured": 0.3, "n": 200, "outcome": "pass"}
    return Verdict(budget=parse_budget(expression), **{**values, **fields})


def section(record: RunRecord) -> str:
    return verdict_section(record, entries_of(record))


def strip_parts(made: Verdict, read_html: Callable[[str], Any]) -> dict[str, list[Any]]:
    """The attributes of what is drawn, by its class."""
    strip = verdict_strip(made)
    assert strip is not None
    parts: dict[str, list[Any]] = {}
    for tag in read_html(strip)[1:]:
        parts.setdefault(tag.attributes["class"], []).append(tag.attributes)
    return parts


def tips(arrows: list[Any]) -> list[float]:
    """Where arrows point, from the left."""
    return sorted(float(arrow["d"].split("L")[1].split()[0]) for arrow in arrows)


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
    parts = strip_parts(verdict(measured=0.3, low=0.25, high=0.4), read_html)
    (interval,), (dot,), (limit,), (good,) = (parts[name] for name in ("interval", "dot", "limit", "good"))
    assert float(interval["x1"]) < float(dot["cx"]) < float(interval["x2"]) < float(limit["x1"])
    assert float(good["x"]) == 0
    assert float(good["width"]) == float(limit["x1"])
    assert "head" not in parts


def test_strips_can_be_compared(read_html: Callable[[str], Any]) -> None:
    """The bound stands at one place, and what was measured lies in proportion to it."""

    def drawn(bound: str, measured: float) -> tuple[float, float]:
        parts = strip_parts(verdict(f"ttft.p99 < {bound}", measured=measured, outcome="fail"), read_html)
        axis, limit = parts["axis"][0], parts["limit"][0]
        start = float(axis["x1"])
        return float(limit["x1"]) - start, float(parts["dot"][0]["cx"]) - start

    line, dot = drawn("12 ms", 0.0132)
    assert dot == pytest.approx(1.1 * line, abs=0.2)
    assert drawn("500 ms", 0.55) == pytest.approx((line, dot))
    assert drawn("1 s", 0.0)[1] == pytest.approx(0)


def test_a_figure_beyond_the_axis_is_an_arrow(read_html: Callable[[str], Any]) -> None:
    for measured in (3.344, inf):
        parts = strip_parts(verdict("ttft.p99 < 65 ms", measured=measured, outcome="fail"), read_html)
        assert "cx" not in parts["dot"][0]
        assert tips(parts["dot"]) > [float(parts["axis"][0]["x2"])]


@pytest.mark.parametrize(
    ("low", "high", "open_ends"),
    [(0.25, None, ["right"]), (None, 0.4, ["left"]), (0.25, inf, ["right"]), (0.25, 0.4, [])],
)
def test_an_interval_without_an_end_is_an_arrow_there(
    low: float | None, high: float | None, open_ends: list[str], read_html: Callable[[str], Any]
) -> None:
    parts = strip_parts(verdict(low=low, high=high), read_html)
    middle = (float(parts["axis"][0]["x1"]) + float(parts["axis"][0]["x2"])) / 2
    assert ["left" if tip < middle else "right" for tip in tips(parts.get("head", []))] == open_ends


def test_the_strip_of_a_lower_bound_tints_the_other_side(read_html: Callable[[str], Any]) -> None:
    parts = strip_parts(
        verdict("output_token_throughput > 100 token/s", measured=90.0, outcome="fail"), read_html
    )
    assert float(parts["dot"][0]["cx"]) < float(parts["limit"][0]["x1"]) == float(parts["good"][0]["x"])
    assert "interval" not in parts


def test_the_axis_of_a_share_near_all_ends_at_all(read_html: Callable[[str], Any]) -> None:
    goodput = "goodput(ttft < 1 s) >= 95 %"
    parts = strip_parts(verdict(goodput, measured=1.0), read_html)
    assert float(parts["dot"][0]["cx"]) == float(parts["axis"][0]["x2"])
    at_half = strip_parts(verdict(goodput, measured=0.5, outcome="fail"), read_html)
    assert tips(at_half["dot"]) < [float(at_half["axis"][0]["x1"])]
    all_of_them = strip_parts(verdict("goodput(ttft < 1 s) >= 100 %", measured=0.5), read_html)
    assert float(all_of_them["limit"][0]["x1"]) == float(all_of_them["axis"][0]["x2"])


def test_a_bound_of_0_stands_at_the_beginning(read_html: Callable[[str], Any]) -> None:
    parts = strip_parts(verdict("failure_rate <= 0 %", measured=0.1, outcome="fail"), read_html)
    assert float(parts["limit"][0]["x1"]) == float(parts["axis"][0]["x1"]) < float(parts["dot"][0]["cx"])


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


def test_each_budget_has_its_figure_interval_bound_and_n(
    make_result: Callable[..., CaseResult],
    make_record: Callable[..., RunRecord],
    read_html: Callable[[str], Any],
) -> None:
    result = make_result("a")
    result.verdicts.append(
        verdict(
            measured=0.3, low=0.25, high=0.4, n=120, needed_n=299, reason="too few", outcome="inconclusive"
        )
    )
    tags = read_html(section(make_record(result)))
    cells = [tag.text for tag in tags if tag.attributes.get("role") in ("rowheader", "cell")]
    assert cells[0] == "ttft.p99 < 500 ms"
    assert cells[2:6] == ["300.0 ms", "250 .. 400 ms", "< 500 ms", "120 (needs 299)"]
    assert cells[6].endswith("inconclusiveunsupported")
    assert "ttft.p99 < 500 ms: too few" in [tag.text for tag in tags if tag.name == "li"]


def whys(tags: list[Any]) -> list[str]:
    return [tag.text for tag in tags if (tag.attributes.get("class") or "").startswith("why")]


def chips(tags: list[Any]) -> list[str]:
    return [tag.text for tag in tags if (tag.attributes.get("class") or "").startswith("chip")]


def test_why_a_test_failed_stands_at_its_case(
    make_result: Callable[..., CaseResult],
    make_record: Callable[..., RunRecord],
    read_html: Callable[[str], Any],
) -> None:
    failed, passed = make_result("a"), make_result("b")
    record = make_record(
        failed,
        passed,
        outcomes={failed.nodeid: "failed"},
        failures={failed.nodeid: "AssertionError: <b>slow</b>\x1b"},
    )
    assert whys(read_html(section(record))) == ["AssertionError: <b>slow</b>\\x1b"]


def test_an_item_that_failed_without_a_measurement_is_a_case_of_its_own(
    make_result: Callable[..., CaseResult],
    make_record: Callable[..., RunRecord],
    read_html: Callable[[str], Any],
) -> None:
    record = make_record(
        make_result("a"),
        outcomes={"npuperf.yaml::b": "error"},
        failures={"npuperf.yaml::b": "deploy.sh ended with 1"},
    )
    tags = read_html(section(record))
    assert [tag.text for tag in tags if tag.name == "h3"] == ["a", "b"]
    badges = [tag.text for tag in tags if (tag.attributes.get("class") or "").startswith("badge")]
    assert badges == ["✓passed", "✕error"]
    assert (chips(tags), whys(tags)) == (["not measured"], ["deploy.sh ended with 1"])


@pytest.mark.parametrize(
    ("fields", "chip", "why"),
    [
        ({"aborted": "4 of 25 failed"}, "aborted", "4 of 25 failed"),
        ({"sent": 4}, "vacuous", "1 of 4 requests sent are not accounted for"),
        ({"stopped": True}, "", "Stopped before its end"),
    ],
)
def test_what_a_reader_must_know_of_a_case_is_a_chip_with_its_reason(
    fields: dict[str, Any],
    chip: str,
    why: str,
    make_result: Callable[..., CaseResult],
    make_record: Callable[..., RunRecord],
    read_html: Callable[[str], Any],
) -> None:
    tags = read_html(section(make_record(make_result("a", **fields))))
    assert chips(tags) == ([chip] if chip else [])
    assert why in "".join(whys(tags))


@pytest.mark.parametrize("state", ["suspect", "invalid"])
def test_a_client_that_measured_itself_is_told_of(
    state: str,
    make_result: Callable[..., CaseResult],
    make_record: Callable[..., RunRecord],
    healthy: ClientHealth,
    read_html: Callable[[str], Any],
) -> None:
    health = replace(healthy, state=state, reasons=("crowded", "late"))
    tags = read_html(section(make_record(make_result("a", health=health))))
    assert chips(tags) == [f"client {state}"]
    assert whys(tags) == ["The client: crowded; late"]


def test_a_reason_is_not_told_twice(
    make_result: Callable[..., CaseResult],
    make_record: Callable[..., RunRecord],
    read_html: Callable[[str], Any],
) -> None:
    result = make_result("a", aborted="4 of 25 failed")
    failures = {result.nodeid: "a: aborted: 4 of 25 failed"}
    record = make_record(result, outcomes={result.nodeid: "failed"}, failures=failures)
    assert whys(read_html(section(record))) == ["a: aborted: 4 of 25 failed"]


def test_where_nothing_was_measured_there_are_no_figures_but_the_reason(
    make_result: Callable[..., CaseResult],
    make_record: Callable[..., RunRecord],
    read_html: Callable[[str], Any],
) -> None:
    tags = read_html(section(make_record(make_result("a", not_measured="not measured: client-bound: late"))))
    assert "keys" not in [tag.attributes.get("class") for tag in tags]
    assert (chips(tags), whys(tags)) == (["not measured"], ["not measured: client-bound: late"])
    assert "Not judged: the figures are not the server's." in [tag.text for tag in tags]


def test_key_figures_say_how_much_they_rest_on(
    make_result: Callable[..., CaseResult],
    make_record: Callable[..., RunRecord],
    load_trace: Callable[..., Trace],
    read_html: Callable[[str], Any],
) -> None:
    def keys(result: CaseResult) -> list[str]:
        tags = read_html(section(make_record(result)))
        (place,) = (place for place, tag in enumerate(tags) if tag.attributes.get("class") == "keys")
        return [tag.text for tag in tags[place + 1 :] if tag.name in ("b", "span")]

    few = keys(make_result("a"))
    assert few[0] == "of the 2 successful:"
    assert few[few.index("TTFT P99") + 1].endswith("*")
    many = keys(make_result("a", load_trace(300)))
    assert "successful" not in "".join(many)
    assert not many[many.index("TTFT P99") + 1].endswith("*")


def reading_of(html: str, read_html: Callable[[str], Any]) -> list[str]:
    return [tag.text for tag in read_html(html) if tag.name == "dt"]


def test_only_the_marks_that_there_are_are_explained(
    make_result: Callable[..., CaseResult],
    make_record: Callable[..., RunRecord],
    load_trace: Callable[..., Trace],
    read_html: Callable[[str], Any],
) -> None:
    plain = make_result("a", load_trace(300))
    assert reading_of(section(make_record(plain)), read_html) == []
    plain.verdicts.append(verdict(measured=0.3, low=0.2, close=True))
    assert reading_of(section(make_record(plain)), read_html) == ["Picture", "90 % interval", "≥, ≤", "close"]
    other = make_result("b", load_trace(300), aborted="lost")
    other.verdicts.append(verdict("failed_requests == 0", measured=0.0))
    assert reading_of(section(make_record(other)), read_html) == ["aborted"]
    assert reading_of(section(make_record(make_result("c"))), read_html) == ["*"]


def test_a_case_without_budgets_says_so(
    make_result: Callable[..., CaseResult], make_record: Callable[..., RunRecord]
) -> None:
    assert "It has no budget." in section(make_record(make_result("a")))


def test_the_figures_of_a_sweep_say_of_which_load_they_are(
    make_result: Callable[..., CaseResult], make_record: Callable[..., RunRecord]
) -> None:
    result = make_result()
    steps = [
        measured_step(load, result.summary, kept=None, ended_early="", client_bound=False) for load in (4, 19)
    ]
    sweep = Exploration(axis="concurrency", search=None, steps=tuple(steps), end=End("all_measured"))
    assert "at concurrency 19:" in section(make_record(replace(result, exploration=sweep)))
    assert "at concurrency" not in section(make_record(result))
