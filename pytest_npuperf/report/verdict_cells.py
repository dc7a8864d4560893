"""The cells of a verdict: its figures in the unit that its budget was written in."""

from __future__ import annotations

from collections.abc import Iterator
from math import isinf

from pytest_npuperf.report.cells import EMPTY, cell
from pytest_npuperf.slo import Budget, Verdict
from pytest_npuperf.slo.vocabulary import METRICS, UNITS
from pytest_npuperf.text import printable

__all__ = [
    "bound_of",
    "bound_text",
    "interval_text",
    "measured_text",
    "n_text",
    "verdict_notes",
    "verdict_text",
]


def bound_of(verdict: Verdict) -> float | None:
    """What was held against the measured figure; None where a baseline's figure was not to be had."""
    return verdict.bound if verdict.budget.relative else verdict.budget.bound


def bound_text(verdict: Verdict) -> str:
    """The comparison and the bound: ``< 500 ms``."""
    bound = bound_of(verdict)
    if bound is None:
        return f"{verdict.budget.comparison} {EMPTY}"
    unit = _unit(verdict.budget)
    digits = ".15g" if verdict.budget.relative is None else ".6g"
    return f"{verdict.budget.comparison} {_in_unit(bound, unit):{digits}} {unit}".rstrip()


def measured_text(verdict: Verdict) -> str:
    """What was measured: ``812.3 ms``."""
    if verdict.measured is None:
        return EMPTY
    unit, bound = _unit(verdict.budget), bound_of(verdict)
    measured = _in_unit(verdict.measured, unit)
    is_near = bound is not None and round(measured, 4) == round(_in_unit(bound, unit), 4)
    if is_near and verdict.measured != bound:
        # four decimals would show the bound itself, beside a verdict that then looks wrong
        return f"{measured:.15g} {unit}".rstrip()
    if _is_count(verdict):
        return f"{int(verdict.measured)} {unit}".rstrip()
    return _figure(verdict.measured, unit)


def _is_count(verdict: Verdict) -> bool:
    metric = METRICS.get(verdict.budget.metric)
    is_whole = verdict.measured is not None and float(verdict.measured).is_integer()
    return is_whole and (
        verdict.budget.metric == "capacity" or (metric is not None and metric.units == ("",))
    )


def interval_text(verdict: Verdict) -> str:
    """The confidence interval to four digits: ``612.3 .. 701.9 ms``; with one bound only: ``≥ 612.3 ms``."""
    low, high, unit = verdict.low, verdict.high, _unit(verdict.budget)
    if low is not None and isinf(low):
        return "infinite"
    if low is not None and high is not None:
        return f"{_end_text(low, unit)} .. {_end_text(high, unit)} {unit}".rstrip()
    if low is not None:
        return f"≥ {_end_text(low, unit)} {unit}".rstrip()
    return EMPTY if high is None else f"≤ {_end_text(high, unit)} {unit}".rstrip()


def _end_text(end: float, unit: str) -> str:
    return "infinite" if isinf(end) else _short(_in_unit(end, unit))


def n_text(verdict: Verdict) -> str:
    """How many values the figure rests on, and how many an interval would take where it has none."""
    return f"{verdict.n} (needs {verdict.needed_n})" if verdict.needed_n is not None else str(verdict.n)


def verdict_text(verdict: Verdict) -> str:
    """The outcome and what qualifies it: ``FAIL (close, advisory)``."""
    marks = {
        "close": verdict.close,
        "advisory": verdict.budget.advisory,
        "unsupported": verdict.needed_n is not None,
        "fails": verdict.outcome != "fail" and verdict.consequence == "fail",
    }
    given = ", ".join(mark for mark, is_given in marks.items() if is_given)
    outcome = "FAIL" if verdict.outcome == "fail" else verdict.outcome
    return f"{outcome} ({given})" if given else outcome


def verdict_notes(verdict: Verdict) -> Iterator[str]:
    """What is to be said of a verdict beside its row."""
    if verdict.reason:
        yield printable(verdict.reason)
    if verdict.mismatches:
        yield f"the baseline was measured with something else: {printable('; '.join(verdict.mismatches))}"
    unit = _unit(verdict.budget)
    if verdict.baseline is not None:
        yield f"baseline {_figure(verdict.baseline, unit)}{_change(verdict)}, bound {bound_text(verdict)}"
    if verdict.of_successes is not None:
        alone = _figure(verdict.of_successes, unit)
        yield f"{alone} of the successful requests alone; failed ones count as infinitely slow"


def _change(verdict: Verdict) -> str:
    if verdict.measured is None or not verdict.baseline:
        return ""
    return f" ({verdict.measured / verdict.baseline - 1:+.1%})"


def _figure(value: float, unit: str) -> str:
    return "infinite" if isinf(value) else cell(_in_unit(value, unit), unit)


def _short(value: float) -> str:
    return f"{value:.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"


def _unit(budget: Budget) -> str:
    """The unit of a relative budget is a share of its baseline's figure: its metric has one of its own."""
    if budget.relative:
        return METRICS[budget.metric].units[0]
    return "clients" if budget.metric == "capacity" and not budget.unit else budget.unit


def _in_unit(value: float, unit: str) -> float:
    size = UNITS.get(unit, 1)  # clients are counted, they have no other unit
    return value if size == 1 else value / float(size)
