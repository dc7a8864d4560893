"""A case beside its baseline: the figures that most budgets are about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isinf

from pytest_npuperf.report.change import MAIN_FIGURES, Change, Figure, Word, change_of
from pytest_npuperf.report.change_table import CHANGE_HEADER, change_row
from pytest_npuperf.report.charts.scale import Unit, quantity
from pytest_npuperf.report.html.markup import Child, Markup, element
from pytest_npuperf.report.html.tables import data_table
from pytest_npuperf.report.html.verdict_marks import Look, badge
from pytest_npuperf.result import CaseResult
from pytest_npuperf.slo import Reference, StageRun
from pytest_npuperf.slo.noise import FEWEST_RUNS, noise_floor
from pytest_npuperf.slo.stage_run import figure, figure_name
from pytest_npuperf.slo.vocabulary import METRICS

__all__ = ["baseline_table"]

_FIGURES: tuple[tuple[str, str | None], ...] = (
    ("ttft", "p50"),
    ("ttft", "p99"),
    ("tpot", "p50"),
    ("tpot", "p99"),
    ("itl", "p99"),
    ("e2el", "p50"),
    ("e2el", "p99"),
    ("output_token_throughput", None),
    ("request_throughput", None),
)
_HEADER = ("Figure", "This run", "Baseline", "Change", "Noise floor")
_NOISE_FLOOR = (
    "Noise floor: one run in 20 lies further above the mean of the baseline's runs by nothing but chance."
)
_NO_NOISE_FLOOR = (
    f"The noise floor, how far runs lie apart by chance, takes {FEWEST_RUNS} runs in the baseline."
)
_WORD_LOOKS: dict[Word, Look] = {"better": "pass", "worse": "fail"}


def baseline_table(result: CaseResult, reference: Reference, *, doubts: Sequence[str] = ()) -> Markup:
    """Each figure beside the mean of the baseline's runs, with its change and the noise floor.

    Where each run was measured beside one of the other's, the change has its interval from pair to pair;
    ``doubts`` are what must be known of A before.
    """
    runs = result.evidence.stages["total"].runs
    return _pairs(runs, reference, doubts) if reference.is_paired else _baseline(runs, reference)


def _baseline(runs: tuple[StageRun, ...], reference: Reference) -> Markup:
    rows = list(_rows(runs, reference))
    count = "1 run" if len(reference.runs) == 1 else f"{len(reference.runs)} runs"
    mismatches = [element("li", mismatch) for mismatch in reference.mismatches]
    return element(
        "div",
        element(
            "p", "Baseline ", element("b", reference.name), f", {count}; a figure is the mean of its runs."
        ),
        element("ul", *mismatches, class_="notes") if mismatches else None,
        data_table(f"Against baseline {reference.name}", _HEADER, rows),
        element("p", _NOISE_FLOOR if len(reference.runs) >= FEWEST_RUNS else _NO_NOISE_FLOOR, class_="note"),
    )


def _pairs(runs: tuple[StageRun, ...], reference: Reference, doubts: Sequence[str]) -> Markup:
    stages = {"total": reference.runs}, {"total": runs}
    changes = [change_of(figure, *stages, is_paired=True) for figure in MAIN_FIGURES]
    rows: list[list[Child]] = []
    for change in changes:
        *cells, word = change_row(change)
        look = _WORD_LOOKS.get(change.word)
        rows.append([*cells, badge(word, look) if look else word])
    return element(
        "div",
        element(
            "p",
            "This case is B, ",
            element("b", reference.name),
            f" is A: {len(reference.runs)} pairs, measured by turns. A figure is the mean of its runs; the "
            "interval is that of the change, from pair to pair.",
        ),
        element("ul", *(element("li", doubt) for doubt in doubts), class_="notes") if doubts else None,
        data_table(f"B beside A, {reference.name}", CHANGE_HEADER, rows),
    )


def _rows(runs: tuple[StageRun, ...], reference: Reference) -> Iterator[list[str]]:
    for metric, statistic in _FIGURES:
        now, before = _mean(runs, metric, statistic), _mean(reference.runs, metric, statistic)
        if now is None or before is None:
            continue
        name = figure_name(metric, statistic)
        unit = METRICS[metric].units[0]
        shown = Unit("ms", 1e-3) if unit == "ms" else Unit(unit, 1.0)
        noise = noise_floor(reference.runs, metric, statistic)
        yield [
            name,
            quantity(now, shown),
            quantity(before, shown),
            _change(change_of(Figure(metric, statistic), {"total": reference.runs}, {"total": runs})),
            "-" if noise is None else f"{noise:.1%}",
        ]


def _mean(runs: tuple[StageRun, ...], metric: str, statistic: str | None) -> float | None:
    found = [figure(run, metric, statistic)[0] for run in runs]
    values = [value for value in found if value is not None]
    return sum(values) / len(values) if values and len(values) == len(found) else None


def _change(change: Change) -> str:
    """Better or worse only where chance is excluded."""
    if change.change is None or isinf(change.change):
        return "-"
    text = f"{change.change:+.1%}"
    return f"{text} ({change.word})" if change.word in ("better", "worse") else text
