from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from pytest_npuperf.capacity import End, Exploration, LoadAxis, Search, Step
from pytest_npuperf.report import console_lines
from pytest_npuperf.report.exploration import exploration_data, exploration_lines, outcome_text
from pytest_npuperf.report.summary_json import run_summary
from pytest_npuperf.result import CaseResult, RunRecord
from pytest_npuperf.slo import parse_budget

BUDGETS = (parse_budget("ttft.p99 < 500 ms"), parse_budget("failed_requests == 0"))


def step(load: float, **fields: Any) -> Step:
    values: dict[str, Any] = {
        "kept": True,
        "ended_early": "",
        "client_bound": False,
        "requests": 200,
        "failed_requests": 0,
        "ttft_p50": 0.05,
        "ttft_p99": 0.1,
        "tpot_p50": 0.01,
        "tpot_p99": None,
        "e2el_p99": 2.0,
        "output_token_throughput": 400.0,
        "request_throughput": 4.0,
    }
    return Step(load=load, **{**values, **fields})


def searched(end: End, *steps: Step, axis: LoadAxis = "concurrency") -> Exploration:
    return Exploration(axis=axis, search=Search(axis, BUDGETS), steps=steps, end=end)


def swept(end: End, *steps: Step) -> Exploration:
    return Exploration(axis="rate", search=None, steps=steps, end=end)


def test_the_table_has_a_row_for_each_step_in_the_order_they_were_measured() -> None:
    lines = exploration_lines(
        searched(End("edge", 8, 9), step(8), step(9, kept=False, failed_requests=3), step(8))
    )
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if line.startswith("│")]
    assert cells[0][:3] == ["Concurrency", "Budgets", "TTFT P50"]
    assert [row[:2] for row in cells[1:]] == [["8", "kept"], ["9", "broken"], ["8", "kept"]]
    assert cells[2][2:] == [
        "50.0 ms",
        "100.0 ms",
        "10.0 ms",
        "-",
        "2000.0 ms",
        "400.0 token/s",
        "4.0 req/s",
        "200",
        "3",
    ]


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"kept": None}, "-"),
        ({"kept": None, "client_bound": True}, "client-bound"),
        ({"kept": False, "ended_early": "saturated"}, "broken (saturated)"),
        ({"kept": None, "ended_early": "stopped"}, "- (stopped)"),
    ],
)
def test_a_step_that_was_not_measured_to_its_end_says_why(fields: dict[str, Any], shown: str) -> None:
    row = exploration_lines(swept(End("saturated"), step(2.5, **fields)))[-2]
    assert [cell.strip() for cell in row.split("│")[1:3]] == ["2.5 req/s", shown]


ASKED = "ttft.p99 < 500 ms, failed_requests == 0"


@pytest.mark.parametrize(
    ("exploration", "text"),
    [
        (
            searched(End("edge", 8, 9)),
            f"Capacity: concurrency 8 keeps {ASKED}; concurrency 9 does not",
        ),
        (
            searched(End("highest_kept", 3.5), axis="rate"),
            f"Capacity: rate 3.5 req/s keeps {ASKED}; more was not asked for",
        ),
        (
            searched(End("client_bound", 8)),
            f"Capacity: concurrency 8 keeps {ASKED}; "
            "more was not measured, because the client was the bottleneck",
        ),
        (
            searched(End("client_bound")),
            f"Capacity: not known, the client was the bottleneck; asked was {ASKED}",
        ),
        (searched(End("lowest_broken")), f"Capacity: none, concurrency 1 does not keep {ASKED}"),
        (searched(End("stopped")), f"Capacity: not known, interrupted; asked was {ASKED}"),
        (swept(End("all_measured")), "Sweep over rate: all loads measured"),
        (
            swept(End("saturated")),
            "Sweep over rate: ended early: the queue of the last load grew without end",
        ),
        (
            swept(End("client_bound")),
            "Sweep over rate: ended early: the client was the bottleneck of the last load",
        ),
        (swept(End("aborted")), "Sweep over rate: ended early: the last load was aborted"),
        (swept(End("stopped")), "Sweep over rate: interrupted"),
    ],
)
def test_the_outcome_is_a_sentence(exploration: Exploration, text: str) -> None:
    assert outcome_text(exploration) == text
    assert exploration_lines(exploration)[0] == text


def test_the_terminal_shows_the_steps_under_the_tables_of_the_case(
    make_result: Callable[..., CaseResult], make_record: Callable[..., RunRecord]
) -> None:
    exploration = searched(End("edge", 8, 9), step(8), step(9, kept=False))
    record = make_record(make_result(exploration=exploration))
    lines = console_lines(record, None, verbosity=0)
    assert lines[-len(exploration_lines(exploration)) :] == exploration_lines(exploration)
    (short, _) = console_lines(record, None, verbosity=-1)
    assert f"; {outcome_text(exploration)}" in short


def test_the_summary_has_the_steps_as_data(
    make_result: Callable[..., CaseResult], make_record: Callable[..., RunRecord]
) -> None:
    exploration = searched(End("edge", 8, 9), step(8), step(9, kept=False))
    record = make_record(make_result(exploration=exploration), make_result())
    with_steps, without = msgspec.json.decode(msgspec.json.encode(run_summary(record, [{}, {}], [{}, {}])))[
        "cases"
    ]
    assert with_steps["exploration"] == exploration_data(exploration)
    assert without["exploration"] is None


def test_the_data_of_a_search_is_what_it_found_and_its_steps() -> None:
    data = exploration_data(searched(End("edge", 8, 9), step(8)))
    steps = data.pop("steps")
    assert data == {
        "axis": "concurrency",
        "budgets": ["ttft.p99 < 500 ms", "failed_requests == 0"],
        "found": 8,
        "neighbour": 9,
        "reason": "edge",
    }
    assert (steps[0]["load"], steps[0]["kept"], steps[0]["ttft_p99"]) == (8, True, 0.1)
    assert set(steps[0]) == set(Step.__dataclass_fields__)


def test_the_data_of_a_sweep_has_no_budgets() -> None:
    data = exploration_data(swept(End("all_measured"), step(1, kept=None)))
    assert (data["budgets"], data["found"], data["reason"]) == ([], None, "all_measured")
