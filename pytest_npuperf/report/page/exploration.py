"""A search or a sweep on the page: what came out, the curves, and a table of the steps."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_npuperf.capacity import Exploration, Step
from pytest_npuperf.report.charts.exploration import exploration_figures
from pytest_npuperf.report.charts.figure import figure_html
from pytest_npuperf.report.charts.scale import Unit, number, quantity
from pytest_npuperf.report.exploration import outcome_text
from pytest_npuperf.report.html.markup import Markup, element
from pytest_npuperf.report.html.tables import data_table

__all__ = ["exploration_blocks"]

_MS = Unit("ms", 1e-3)


def exploration_blocks(exploration: Exploration) -> Iterator[Markup]:
    """What came out, the curves, and a table of the steps."""
    yield element("p", outcome_text(exploration), class_="finding")
    yield element("div", *map(figure_html, exploration_figures(exploration)), class_="figures")
    yield _steps_table(exploration)


def _steps_table(exploration: Exploration) -> Markup:
    header = [
        exploration.axis.capitalize(),
        "Budgets",
        *("TTFT P50", "TTFT P99", "TPOT P50", "TPOT P99", "E2EL P99"),
        *("Output, token/s", "Requests/s", "Requests", "Failed"),
    ]
    return data_table("Steps in the order they were measured", header, map(_step_row, exploration.steps))


def _step_row(step: Step) -> list[str]:
    latencies = (step.ttft_p50, step.ttft_p99, step.tpot_p50, step.tpot_p99, step.e2el_p99)
    rates = (step.output_token_throughput, step.request_throughput)
    return [
        f"{step.load:g}",
        _judgement(step),
        *(quantity(latency, _MS) for latency in latencies),
        *("-" if rate is None else number(rate) for rate in rates),
        str(step.requests),
        str(step.failed_requests),
    ]


def _judgement(step: Step) -> str:
    if step.client_bound:
        return "client-bound"
    judged = {True: "kept", False: "broken", None: "-"}[step.kept]
    return f"{judged} ({step.ended_early})" if step.ended_early else judged
