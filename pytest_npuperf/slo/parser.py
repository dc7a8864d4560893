"""Text to budget: ``[stage.]metric[.statistic] comparison bound``, with ``goodput(...)`` for a metric."""

from __future__ import annotations

import re
from decimal import Decimal
from math import isfinite

from pytest_npuperf.slo.budget import Budget, Relative
from pytest_npuperf.slo.pieces import Pieces, error_at, pieces_of, relative_pieces, request_pieces
from pytest_npuperf.slo.vocabulary import (
    BASELINE_NAME,
    BASELINE_NAMES,
    COMPARISONS,
    GOODPUTS,
    METRICS,
    STATISTICS,
    UNITS,
    Metric,
    did_you_mean,
    is_statistic,
)

__all__ = ["parse_budget"]

_NUMBER = re.compile(r"\d+(\.\d+)?")
_NUMBERS = "bounds: numbers of 0 or more, written such as 500 or 0.5"
_BOUNDS = f"{_NUMBERS}, and baselines, written such as baseline + 10 %"
_RELATIVES = "bounds: baseline, baseline(NAME), and either with a margin, such as baseline + 10 %"
_MARGINS = "margins: 10 %, noise, max(5 %, noise)"
_OF_REQUESTS = [metric.name for metric in METRICS.values() if metric.of_request]


def parse_budget(text: str) -> Budget:
    """The budget that an expression such as ``ttft.p99 < 500 ms`` stands for.

    Raises:
        BudgetError: The expression is not valid; the message repeats it, points at the part
            that is wrong and says what may stand there.
    """
    expression = " ".join(text.split())
    pieces = pieces_of(expression)
    metric = _metric(pieces)
    parts = _parts(pieces, metric) if metric.name in GOODPUTS else ()
    _check_statistic(pieces, metric)
    _check_comparison(pieces)
    relative = _relative(pieces, metric)
    bound, unit = _number(pieces, metric, _BOUNDS) if relative is None else (0.0, metric.units[0])
    return Budget(
        expression=expression,
        metric=metric.name,
        statistic=pieces["statistic"],
        comparison=pieces["comparison"],
        bound=bound,
        unit=unit,
        stage=pieces["stage"] or "total",
        parts=parts,
        relative=relative,
    )


def _metric(pieces: Pieces) -> Metric:
    name = pieces["metric"]
    if name in GOODPUTS:
        if pieces["open"] is None:
            what = f"{name} counts requests that meet bounds: name them, such as {name}(ttft < 500 ms)"
            raise error_at(pieces, "metric", what)
        return GOODPUTS[name]
    if name in METRICS:
        if pieces["open"] is not None:
            what = f"{name} takes no bounds in parentheses"
            raise error_at(pieces, "open", what, f"metrics that take them: {', '.join(GOODPUTS)}")
        return METRICS[name]
    samples = ", ".join(metric.name for metric in METRICS.values() if metric.takes_statistic)
    totals = ", ".join(metric.name for metric in METRICS.values() if not metric.takes_statistic)
    allowed = (
        f"metrics with a statistic, such as ttft.p99: {samples}\nmetrics without: {totals}\n"
        f"of requests that meet bounds, such as goodput(ttft < 500 ms): {', '.join(GOODPUTS)}\n"
        "stages before any of them, such as steady.ttft.p99: total, steady, turn 1, turn 2, ..."
    )
    raise error_at(pieces, "metric", _unknown_metric(name, [*METRICS, *GOODPUTS]), allowed)


def _unknown_metric(name: str, allowed: list[str]) -> str:
    return f"unknown metric {name!r}{did_you_mean(name, allowed)}" if name else "no metric"


def _parts(pieces: Pieces, goodput: Metric) -> tuple[Budget, ...]:
    """The bounds that each request has to meet."""
    if pieces["close"] == "(":
        raise error_at(pieces, "close", "the bounds of requests have no parentheses of their own")
    if not pieces["close"]:
        raise error_at(pieces, "open", "the parenthesis is not closed")
    if not pieces["inside"].strip():
        what = f"{goodput.name} has no bound: name at least one, such as {goodput.name}(ttft < 500 ms)"
        raise error_at(pieces, "open", what)
    stage = pieces["stage"] or "total"
    return tuple(_part(bound, stage) for bound in request_pieces(pieces))


def _part(pieces: Pieces, stage: str) -> Budget:
    metric = _request_metric(pieces)
    _check_comparison(pieces)
    if relative_pieces(pieces):
        raise error_at(pieces, "unit", "a baseline has no figure for one request", _NUMBERS)
    bound, unit = _number(pieces, metric, _NUMBERS)
    return Budget(
        expression=pieces[0],
        metric=metric.name,
        statistic=None,
        comparison=pieces["comparison"],
        bound=bound,
        unit=unit,
        stage=stage,
    )


def _request_metric(pieces: Pieces) -> Metric:
    name = pieces["metric"]
    metric = METRICS.get(name) or GOODPUTS.get(name)
    allowed = f"metrics of one request: {', '.join(_OF_REQUESTS)}"
    if pieces["stage"] is not None:
        raise error_at(pieces, "stage", "a stage stands before the whole: steady.goodput(ttft < 500 ms)")
    if metric is None:
        raise error_at(pieces, "metric", _unknown_metric(name, _OF_REQUESTS), allowed)
    if not metric.of_request:
        has = "many values in one request" if metric.takes_statistic else "no value of one request"
        hint = "; did you mean 'tpot'?" if name == "itl" else ""
        raise error_at(pieces, "metric", f"{name} has {has}{hint}", allowed)
    if pieces["statistic"] is not None:
        raise error_at(pieces, "statistic", f"one request has one {name}, which takes no statistic")
    return metric


def _check_statistic(pieces: Pieces, metric: Metric) -> None:
    statistic = pieces["statistic"]
    if statistic is None and not metric.takes_statistic:
        return
    if not metric.takes_statistic:
        raise error_at(pieces, "statistic", f"{metric.name} is one figure and takes no statistic")
    allowed = f"statistics: {', '.join(STATISTICS)} and percentiles such as p90 or p99.9"
    if not statistic:
        what = f"{metric.name} has many values: name a statistic, such as {metric.name}.p99"
        raise error_at(pieces, "metric", what, allowed)
    if not is_statistic(statistic):
        what = f"unknown statistic {statistic!r}{did_you_mean(statistic, STATISTICS)}"
        raise error_at(pieces, "statistic", what, allowed)


def _check_comparison(pieces: Pieces) -> None:
    comparison = pieces["comparison"]
    if comparison not in COMPARISONS:
        what = f"unknown comparison {comparison!r}" if comparison else "no comparison"
        raise error_at(pieces, "comparison", what, f"comparisons: {' '.join(COMPARISONS)}")


def _relative(pieces: Pieces, metric: Metric) -> Relative | None:
    bound = relative_pieces(pieces)
    if bound is None:
        return None
    if metric.not_relative:
        what = f"{metric.name} is not compared with a baseline: {metric.not_relative}"
        raise error_at(pieces, "unit", what, _NUMBERS)
    if pieces["comparison"] == "==":
        allowed = f"comparisons with a baseline: {' '.join(name for name in COMPARISONS if name != '==')}"
        raise error_at(pieces, "comparison", "no two measurements are the same", allowed)
    name = bound["name"]
    if name is not None and not BASELINE_NAME.fullmatch(name):
        raise error_at(bound, "name", f"{name!r} is no name for a baseline", f"names: {BASELINE_NAMES}")
    _check_margin(bound)
    return Relative(
        change=_change(bound),
        baseline=name,
        noise=bound["noise"] is not None or bound["margin"] == "noise",
        sign=-1 if bound["sign"] == "-" else 1,
    )


def _check_margin(bound: Pieces) -> None:
    margin = bound["margin"]
    if not bound["sign"] and margin.startswith("("):
        raise error_at(bound, "margin", "the parenthesis is not closed", _RELATIVES)
    if not bound["sign"] and margin:
        raise error_at(bound, "margin", f"{margin!r} cannot follow a baseline", _RELATIVES)
    if bound["sign"] and not margin:
        raise error_at(bound, "margin", f"no margin after {bound['sign']!r}", _MARGINS)
    if (bound["larger"] is None) != (bound["noise"] is None):
        raise error_at(bound, "margin", f"{margin!r} is no margin", _MARGINS)


def _change(bound: Pieces) -> float:
    """The share of the baseline's figure that the margin names, with its sign; 0 where it names none."""
    number, unit = bound["number"], bound["unit"]
    if not bound["margin"] or bound["margin"] == "noise":
        return 0.0
    if not _NUMBER.fullmatch(number):
        raise error_at(bound, "margin", f"{bound['margin']!r} is no margin", _MARGINS)
    if unit != "%":
        what = "a margin is a share of the baseline's figure"
        raise error_at(bound, "unit", f"{what}, not {unit!r}" if unit else f"{what} and needs %", _MARGINS)
    share = float(Decimal(number) * UNITS["%"])
    if bound["sign"] == "+":
        return share
    if share >= 1:
        raise error_at(
            bound, "number", "a bound below the baseline's figure has to leave some of it: less than 100 %"
        )
    return -share


def _number(pieces: Pieces, metric: Metric, allowed: str) -> tuple[float, str]:
    """The bound in the unit of the program, and the unit that it was written in."""
    number = pieces["number"]
    if not _NUMBER.fullmatch(number):
        raise error_at(pieces, *_no_number(pieces), allowed)
    unit = _unit(pieces, metric)
    bound = float(Decimal(number) * UNITS[unit])
    if not isfinite(bound):
        raise error_at(pieces, "number", "the bound is too large a number to be one", allowed)
    if metric.is_share and bound > 1:
        what = f"{metric.name} is a share and never above 1"
        raise error_at(pieces, "number", what, "shares: 0 to 1, or 0 % to 100 %")
    return bound, unit


def _no_number(pieces: Pieces) -> tuple[str, str]:
    """The piece that is at fault where there is no number, and what is wrong with it."""
    if pieces["number"]:
        return "number", f"{pieces['number']!r} is not a bound"
    word = re.split(r"[\s(]", pieces["unit"])[0]
    near = did_you_mean(word, ["baseline"])
    return ("unit", f"unknown bound {word!r}{near}") if near else ("number", "no bound")


def _unit(pieces: Pieces, metric: Metric) -> str:
    unit = pieces["unit"]
    if unit in metric.units:
        return unit or metric.units[0]
    named = [name for name in metric.units if name]
    if not named:
        raise error_at(pieces, "unit", f"{metric.name} takes no unit, not {unit!r}")
    what = (
        f"{metric.name} has no unit {unit!r}{did_you_mean(unit, named)}"
        if unit
        else f"{metric.name} needs a unit"
    )
    raise error_at(pieces, "unit", what, f"units: {', '.join(named)}")
