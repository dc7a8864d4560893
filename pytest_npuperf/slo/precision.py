"""How exactly a figure is to be known: ``until: {ttft.p99: 5 %}``."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_npuperf.durations import parse_share
from pytest_npuperf.errors import BudgetError
from pytest_npuperf.slo.vocabulary import METRICS, STATISTICS, did_you_mean, is_statistic

__all__ = ["Precision", "parse_precision"]

_METRICS = [metric.name for metric in METRICS.values() if metric.takes_statistic and not metric.of_chunks]
_STATISTICS = [name for name in STATISTICS if name not in ("min", "max")]


@dataclass(frozen=True, slots=True)
class Precision:
    """A figure and how wide its confidence interval may be, to either side, as a share of it."""

    expression: str
    """As it was written: ``ttft.p99: 5 %``."""
    metric: str
    statistic: str
    share: float


def parse_precision(figure: object, share: object) -> Precision:
    """The precision that ``ttft.p99`` and ``5 %`` (or 0.05) stand for.

    Raises:
        BudgetError: There is no such figure, it has no confidence interval, or the share is none.
    """
    expression = f"{figure}: {share}"
    metric, _, statistic = str(figure).partition(".")
    if metric not in _METRICS:
        raise BudgetError(
            f"until {expression!r}: {metric!r} is no metric of many values{did_you_mean(metric, _METRICS)}; "
            f"allowed are {', '.join(_METRICS)}"
        )
    if statistic not in _STATISTICS and not (is_statistic(statistic) and _is_within(statistic)):
        raise BudgetError(
            f"until {expression!r}: {_fault(metric, statistic)}; "
            f"allowed are {', '.join(_STATISTICS)} and percentiles such as p90 or p99.9"
        )
    return Precision(
        expression=expression, metric=metric, statistic=statistic, share=_share(expression, share)
    )


def _is_within(statistic: str) -> bool:
    """Whether it is a percentile above the smallest value, which has no confidence interval."""
    return statistic.startswith("p") and float(statistic[1:]) > 0


def _fault(metric: str, statistic: str) -> str:
    if not statistic:
        return f"name a statistic, such as {metric}.p99"
    if is_statistic(statistic):
        return f"{statistic} has no confidence interval"
    return f"unknown statistic {statistic!r}{did_you_mean(statistic, _STATISTICS)}"


def _share(expression: str, share: object) -> float:
    try:
        value = parse_share(share)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise BudgetError(
            f"until {expression!r}: {share!r} is no share of the figure; "
            "allowed are numbers between 0 and 1, such as 0.05, or 5 %"
        )
    return value
