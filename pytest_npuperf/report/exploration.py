"""The steps of a search or a sweep: as a table, and as data."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tabulate import tabulate

from pytest_npuperf.capacity import Exploration, LoadAxis, Step
from pytest_npuperf.report.cells import EMPTY, cell, milliseconds
from pytest_npuperf.text import printable

__all__ = ["exploration_data", "exploration_lines", "judgement", "named_load", "outcome_text"]

_UNITS = {"concurrency": "", "rate": "req/s"}
_HEADER = (
    "Budgets",
    "TTFT P50",
    "TTFT P99",
    "TPOT P50",
    "TPOT P99",
    "E2EL P99",
    "Output Token Throughput",
    "Request Throughput",
    "Requests",
    "Failed",
)
_SWEEP_ENDS = {
    "all_measured": "all loads measured",
    "saturated": "ended early: the queue of the last load grew without end",
    "aborted": "ended early: the last load was aborted",
    "client_bound": "ended early: the client was the bottleneck of the last load",
    "stopped": "interrupted",
}


def named_load(axis: LoadAxis, *loads: float) -> str:
    """A load, or the ends of a range, and what it is of: ``concurrency 8``, ``rate 2.5 to 4 req/s``."""
    return f"{axis} {' to '.join(f'{load:g}' for load in loads)} {_UNITS[axis]}".rstrip()


def judgement(step: Step) -> str:
    """Whether a step kept the budgets, and why it ended early: ``kept``, ``broken (aborted)``."""
    if step.client_bound:
        return "client-bound"
    judged = {True: "kept", False: "broken", None: EMPTY}[step.kept]
    return f"{judged} ({step.ended_early})" if step.ended_early else judged


def exploration_lines(exploration: Exploration) -> list[str]:
    """What came out, then a row for each step, in the order they were measured."""
    header = (exploration.axis.capitalize(), *_HEADER)
    rows = [_row(step, exploration.axis) for step in exploration.steps]
    table = tabulate(rows, headers=header, tablefmt="fancy_grid", disable_numparse=True)
    return [outcome_text(exploration), *table.splitlines()]


def outcome_text(exploration: Exploration) -> str:
    """What a search found, or how a sweep ended: ``Capacity: concurrency 8 keeps ...; 9 does not``."""
    axis, end = exploration.axis, exploration.end
    if exploration.search is None:
        return f"Sweep over {axis}: {_SWEEP_ENDS[end.reason]}"
    budgets = printable(", ".join(budget.expression for budget in exploration.search.budgets))
    if end.reason == "stopped":
        return f"Capacity: not known, interrupted; asked was {budgets}"
    if end.found is not None:
        return f"Capacity: {named_load(axis, end.found)} keeps {budgets}; {_above(exploration)}"
    if end.reason == "client_bound":
        return f"Capacity: not known, the client was the bottleneck; asked was {budgets}"
    return f"Capacity: none, {named_load(axis, exploration.search.lowest)} does not keep {budgets}"


def exploration_data(exploration: Exploration) -> dict[str, Any]:
    """The steps and what they found as plain data; the steps are the curve of latency against throughput."""
    search, end = exploration.search, exploration.end
    return {
        "axis": exploration.axis,
        "budgets": [budget.expression for budget in search.budgets] if search is not None else [],
        "found": end.found,
        "neighbour": end.neighbour,
        "reason": end.reason,
        "steps": [asdict(step) for step in exploration.steps],
    }


def _above(exploration: Exploration) -> str:
    end = exploration.end
    if end.neighbour is not None:
        return f"{named_load(exploration.axis, end.neighbour)} does not"
    if end.reason == "client_bound":
        return "more was not measured, because the client was the bottleneck"
    return "more was not asked for"


def _row(step: Step, axis: LoadAxis) -> tuple[str, ...]:
    return (
        f"{step.load:g} {_UNITS[axis]}".rstrip(),
        judgement(step),
        milliseconds(step.ttft_p50),
        milliseconds(step.ttft_p99),
        milliseconds(step.tpot_p50),
        milliseconds(step.tpot_p99),
        milliseconds(step.e2el_p99),
        cell(step.output_token_throughput, "token/s"),
        cell(step.request_throughput, "req/s"),
        str(step.requests),
        str(step.failed_requests),
    )
