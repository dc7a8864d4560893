from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pytest_npuperf.metrics import HEALTH_LIMITS, ClientHealth
from pytest_npuperf.report.page.client import client_block
from pytest_npuperf.result import CaseResult
from pytest_npuperf.trace import Trace

Results = Callable[..., CaseResult]


@pytest.fixture
def rows_of(read_html: Callable[[str], Any]) -> Callable[[CaseResult], list[list[str]]]:
    """The rows of the block's tables, as texts."""

    def rows(result: CaseResult) -> list[list[str]]:
        found: list[list[str]] = []
        for tag in read_html(client_block(result)):
            if tag.name == "tr":
                found.append([])
            elif tag.name in ("th", "td"):
                found[-1].append(tag.text)
        return found

    return rows


def test_every_share_stands_beside_its_limits(
    make_result: Results, healthy: ClientHealth, rows_of: Callable[[CaseResult], list[list[str]]]
) -> None:
    health = replace(healthy, rate_shortfall=0.0, run_delay_share=0.0)
    header, *rows = rows_of(make_result(health=health))
    assert header == ["Share of", "measured", "suspect from", "invalid from"]
    shown = {tuple(row[2:]) for row in rows[: len(HEALTH_LIMITS)]}
    assert rows[0] == ["reads of several chunks that may have waited", "0.00%", "0.2%", "1.0%"]
    assert rows[len(HEALTH_LIMITS) - 1][2:] == ["1.0%", "never"]
    assert shown == {
        (f"{limit.suspect:.1%}", "never" if limit.invalid is None else f"{limit.invalid:.1%}")
        for limit in HEALTH_LIMITS.values()
    }


def test_the_rows_that_made_the_state_are_marked(
    make_result: Results, healthy: ClientHealth, rows_of: Callable[[CaseResult], list[list[str]]]
) -> None:
    health = replace(healthy, state="invalid", late_share=0.1, cpu_share=0.99)
    rows = {row[0]: row[1] for row in rows_of(make_result(health=health))}
    assert rows["time by which requests were sent late"] == "!suspect 10.00%"
    assert rows["use of one processor"] == "\u2715invalid 99.00%"
    assert rows["first chunks in such a read"] == "0.00%"


def test_delays_are_all_in_one_unit(
    make_result: Results,
    build_trace: Callable[..., Trace],
    rows_of: Callable[[CaseResult], list[list[str]]],
) -> None:
    trace = build_trace({"sent": 2000, "scheduled": 0, "chunks": [2005], "end": 2009, "lags": [159_000]})
    header, late, lag = rows_of(make_result(trace=trace))[-3:]
    assert header == ["Delay, ms", "Median", "P99", "Max", "n"]
    assert late == ["a request sent after it was due", "2000", "2000", "2000", "1"]
    assert lag == ["a chunk seen after it came", "0.159", "0.159", "0.159", "1"]


def test_the_rates_stand_beside_the_state(
    make_result: Results, healthy: ClientHealth, read_html: Callable[[str], Any]
) -> None:
    health = replace(healthy, asked_rate=20.7, achieved_rate=20.71)
    result = make_result(health=health, settings={"load": {"rate": 20.0}})
    line = next(tag.text for tag in read_html(client_block(result)) if tag.name == "p")
    assert line.endswith(
        " 20 req/s were configured; the schedule drawn from the seed has 20.7; sent were 20.71."
    )
