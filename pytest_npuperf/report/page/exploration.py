"""A search or a sweep on the page: what came out, the curves, and a table of the steps."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_npuperf.capacity import AGREEING, Exploration, Step
from pytest_npuperf.report.charts.exploration import exploration_figures
from pytest_npuperf.report.charts.figure import figure_html
from pytest_npuperf.report.charts.scale import Unit, number, quantity
from pytest_npuperf.report.exploration import judgement, named_load, outcome_text
from pytest_npuperf.report.html.markup import Child, Markup, element
from pytest_npuperf.report.html.tables import data_table

__all__ = ["exploration_blocks", "step_below"]

_MS = Unit("ms", 1e-3)


def exploration_blocks(exploration: Exploration) -> Iterator[Markup]:
    """What came out, the curves, a table of the steps, and of which of them the rest of the case is."""
    yield element("p", outcome_text(exploration), class_="finding")
    yield element("div", *map(figure_html, exploration_figures(exploration)), class_="figures")
    yield _steps_table(exploration)
    if exploration.steps:
        load = named_load(exploration.axis, exploration.steps[step_below(exploration)].load)
        yield element("p", f"The figures below and the verdicts on them are of {load} alone.")


def step_below(exploration: Exploration) -> int:
    """The place of the step whose measurement is the result of the case.

    For a search the one that confirmed the found load, where none was confirmed and for a sweep the last one.
    """
    kept: dict[float, int] = {}
    confirmed = None
    for place, step in enumerate(exploration.steps if exploration.search is not None else ()):
        kept[step.load] = kept.get(step.load, 0) + (step.kept is True)
        if step.kept and kept[step.load] >= AGREEING:
            confirmed = place
    return len(exploration.steps) - 1 if confirmed is None else confirmed


def _steps_table(exploration: Exploration) -> Markup:
    header = [
        exploration.axis.capitalize(),
        "Budgets",
        *("TTFT P50", "TTFT P99", "TPOT P50", "TPOT P99", "E2EL P99"),
        *("Output, token/s", "Requests/s", "Requests", "Failed"),
    ]
    below = step_below(exploration)
    rows = [_step_row(step, is_below=place == below) for place, step in enumerate(exploration.steps)]
    return data_table("Steps in the order they were measured", header, rows)


def _step_row(step: Step, *, is_below: bool) -> list[Child]:
    latencies = (step.ttft_p50, step.ttft_p99, step.tpot_p50, step.tpot_p99, step.e2el_p99)
    rates = (step.output_token_throughput, step.request_throughput)
    mark = element("span", "shown below", class_="mark")
    return [
        element("span", f"{step.load:g} ", mark) if is_below else f"{step.load:g}",
        judgement(step),
        *(quantity(latency, _MS) for latency in latencies),
        *("-" if rate is None else number(rate) for rate in rates),
        str(step.requests),
        str(step.failed_requests),
    ]
