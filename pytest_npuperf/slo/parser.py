"""Text to budget: ``[stage.]metric[.statistic] comparison number [unit]``."""

from __future__ import annotations

import re
from decimal import Decimal

from pytest_npuperf.errors import BudgetError
from pytest_npuperf.slo.budget import Budget
from pytest_npuperf.slo.vocabulary import (
    COMPARISONS,
    METRICS,
    STATISTICS,
    UNITS,
    Metric,
    did_you_mean,
    is_statistic,
)

__all__ = ["parse_budget"]

# Matches every line: each part takes what stands in its place, right or wrong, so that the
# error can point at it.
_PARTS = re.compile(
    r"""((?P<stage>total|steady|turn\ [1-9]\d*)\.)?
        (?P<metric>[^\s.<>=!]*)
        (\.(?P<statistic>[^\s<>=!]*))?
        \s*(?P<comparison>[<>=!]*)
        \s*(?P<number>[-+\d.,_]*)
        \s*(?P<unit>.*)""",
    re.VERBOSE,
)
_NUMBER = re.compile(r"\d+(\.\d+)?")


def parse_budget(text: str) -> Budget:
    """The budget that an expression such as ``ttft.p99 < 500 ms`` stands for.

    Raises:
        BudgetError: The expression is not valid; the message repeats it, points at the part
            that is wrong and says what may stand there.
    """
    expression = " ".join(text.split())
    parts = _PARTS.fullmatch(expression)
    assert parts is not None
    metric = _metric(parts)
    _check_statistic(parts, metric)
    _check_comparison(parts)
    _check_number(parts)
    unit = _unit(parts, metric)
    return Budget(
        expression=expression,
        metric=metric.name,
        statistic=parts["statistic"],
        comparison=parts["comparison"],
        bound=_bound(parts, metric, unit),
        unit=unit,
        stage=parts["stage"] or "total",
    )


def _metric(parts: re.Match[str]) -> Metric:
    name = parts["metric"]
    if name in METRICS:
        return METRICS[name]
    samples = ", ".join(metric.name for metric in METRICS.values() if metric.takes_statistic)
    totals = ", ".join(metric.name for metric in METRICS.values() if not metric.takes_statistic)
    what = f"unknown metric {name!r}{did_you_mean(name, METRICS)}" if name else "no metric"
    allowed = (
        f"metrics with a statistic, such as ttft.p99: {samples}\nmetrics without: {totals}\n"
        "stages before either, such as steady.ttft.p99: total, steady, turn 1, turn 2, ..."
    )
    raise _error(parts, "metric", what, allowed)


def _check_statistic(parts: re.Match[str], metric: Metric) -> None:
    statistic = parts["statistic"]
    if statistic is None and not metric.takes_statistic:
        return
    if not metric.takes_statistic:
        raise _error(parts, "statistic", f"{metric.name} is one figure and takes no statistic")
    allowed = f"statistics: {', '.join(STATISTICS)} and percentiles such as p90 or p99.9"
    if not statistic:
        what = f"{metric.name} has many values: name a statistic, such as {metric.name}.p99"
        raise _error(parts, "metric", what, allowed)
    if not is_statistic(statistic):
        raise _error(
            parts,
            "statistic",
            f"unknown statistic {statistic!r}{did_you_mean(statistic, STATISTICS)}",
            allowed,
        )


def _check_comparison(parts: re.Match[str]) -> None:
    comparison = parts["comparison"]
    if comparison not in COMPARISONS:
        what = f"unknown comparison {comparison!r}" if comparison else "no comparison"
        raise _error(parts, "comparison", what, f"comparisons: {' '.join(COMPARISONS)}")


def _check_number(parts: re.Match[str]) -> None:
    number = parts["number"]
    if not _NUMBER.fullmatch(number):
        what = f"{number!r} is not a bound" if number else "no bound"
        raise _error(parts, "number", what, "bounds: numbers of 0 or more, written such as 500 or 0.5")


def _unit(parts: re.Match[str], metric: Metric) -> str:
    unit = parts["unit"]
    if unit in metric.units:
        return unit or metric.units[0]
    named = [name for name in metric.units if name]
    if not named:
        raise _error(parts, "unit", f"{metric.name} takes no unit, not {unit!r}")
    what = (
        f"{metric.name} has no unit {unit!r}{did_you_mean(unit, named)}"
        if unit
        else f"{metric.name} needs a unit"
    )
    raise _error(parts, "unit", what, f"units: {', '.join(named)}")


def _bound(parts: re.Match[str], metric: Metric, unit: str) -> float:
    bound = float(Decimal(parts["number"]) * UNITS[unit])
    if metric.is_share and bound > 1:
        what = f"{metric.name} is a share and never above 1"
        raise _error(parts, "number", what, "shares: 0 to 1, or 0 % to 100 %")
    return bound


def _error(parts: re.Match[str], part: str, what: str, allowed: str = "") -> BudgetError:
    start, end = parts.span(part)
    pointer = " " * start + "^" * max(1, end - start)
    lines = [f"budget {parts.string!r}: {what}", f"    {parts.string}", f"    {pointer}"]
    return BudgetError("\n".join([*lines, allowed] if allowed else lines))
