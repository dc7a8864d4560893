"""Changes as a table for terminals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isinf

from tabulate import tabulate

from pytest_npuperf.report.cells import EMPTY, cell
from pytest_npuperf.report.change import MAIN_FIGURES, Change, Stages, Word, change_of
from pytest_npuperf.report.sides import doubts_about_a, other_side
from pytest_npuperf.result import CaseResult
from pytest_npuperf.slo.vocabulary import METRICS, UNITS
from pytest_npuperf.text import printable

__all__ = ["CHANGE_HEADER", "change_row", "change_table", "figure_text", "pair_lines"]

CHANGE_HEADER = ("figure", "A", "B", "change", "90 % interval", "n", "B is")
_HEADER_LINES = 2


def change_table(changes: Sequence[Change]) -> Iterator[tuple[str, Word | None]]:
    """The lines of the table, a row a figure; each with what B is there, None for the header."""
    rows = map(change_row, changes)
    table = tabulate(rows, CHANGE_HEADER, tablefmt="simple", disable_numparse=True).splitlines()
    yield from ((line, None) for line in table[:_HEADER_LINES])
    yield from ((line, change.word) for line, change in zip(table[_HEADER_LINES:], changes, strict=True))


def pair_lines(results: Sequence[CaseResult]) -> Iterator[tuple[str, Word | None]]:
    """For each case that was measured on two servers by turns: what to know of A, and how B differs."""
    for b in results:
        a = other_side(b, results)
        if a is not None:
            yield f"{printable(b.name)}: B beside A, {len(a.measurements)} pairs", None
            yield from ((doubt, None) for doubt in doubts_about_a(b, results))
            stages = [_stages(result) for result in (a, b)]
            yield from change_table([change_of(figure, *stages, is_paired=True) for figure in MAIN_FIGURES])


def figure_text(value: float | None, metric: str) -> str:
    """A value of a metric in the metric's first unit, a share in percent: ``812.3 ms``, ``1.5 %``."""
    if value is None:
        return EMPTY
    if isinf(value):
        return "infinite"
    unit = "%" if METRICS[metric].is_share else METRICS[metric].units[0]
    return cell(value / float(UNITS[unit]), unit)


def change_row(change: Change) -> tuple[str, ...]:
    """The cells of a change, below those of ``CHANGE_HEADER``."""
    metric = change.figure.metric
    return (
        change.figure.name,
        figure_text(change.a, metric),
        figure_text(change.b, metric),
        EMPTY if change.change is None else _percent(change.change),
        EMPTY if change.interval is None else " .. ".join(map(_percent, change.interval)),
        _n_text(change),
        change.word,
    )


def _percent(share: float) -> str:
    return "infinite" if isinf(share) else f"{share:+.1%}"


def _n_text(change: Change) -> str:
    n_a, n_b = change.n
    n = str(n_a) if n_a == n_b else f"{n_a}, {n_b}"
    return n if change.needed_n is None else f"{n} (needs {change.needed_n})"


def _stages(result: CaseResult) -> Stages:
    return {stage: evidence.runs for stage, evidence in result.evidence.stages.items()}
