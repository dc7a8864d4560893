"""Figures by their names, and as the tables of the commands show them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isinf

from pytest_npuperf.errors import SettingsError
from pytest_npuperf.report.cells import EMPTY, cell
from pytest_npuperf.report.text import printable
from pytest_npuperf.slo.stage_run import figure_name
from pytest_npuperf.slo.vocabulary import METRICS, STATISTICS, UNITS, did_you_mean, is_statistic

__all__ = ["MAIN_FIGURES", "Figure", "figure_text", "parse_figure"]

_STAGE = re.compile(r"(total|steady|turn [1-9]\d*)\.(.*)")


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric, its statistic where it takes one, and the stage it is of."""

    metric: str
    statistic: str | None = None
    stage: str = "total"

    @property
    def name(self) -> str:
        """As it stands in a budget: ``steady.ttft.p99``."""
        name = figure_name(self.metric, self.statistic)
        return name if self.stage == "total" else f"{self.stage}.{name}"


MAIN_FIGURES = (
    *(Figure("ttft", statistic) for statistic in ("avg", "p50", "p90", "p99")),
    *(Figure(metric, statistic) for metric in ("tpot", "itl", "e2el") for statistic in ("avg", "p50", "p99")),
    Figure("output_token_throughput"),
    Figure("request_throughput"),
    Figure("failure_rate"),
)
"""What is shown where nobody asks for something else."""


def parse_figure(text: str) -> Figure:
    """The figure that ``ttft.p99``, ``request_throughput`` or ``steady.itl.avg`` stands for.

    Raises:
        SettingsError: There is no such figure, or no report and no baseline keeps it.
    """
    staged = _STAGE.fullmatch(text)
    stage, name = staged.groups() if staged else ("total", text)
    metric, _, statistic = name.partition(".")
    fault, allowed = _fault(metric, statistic)
    if fault:
        raise SettingsError(f"figure {printable(text)!r}: {fault}; allowed are {allowed}")
    return Figure(metric, statistic or None, stage)


def figure_text(value: float | None, metric: str) -> str:
    """A value of a metric in the metric's first unit, a share in percent: ``812.3 ms``, ``1.5 %``."""
    if value is None:
        return EMPTY
    if isinf(value):
        return "infinite"
    unit = "%" if METRICS[metric].is_share else METRICS[metric].units[0]
    return cell(value / float(UNITS[unit]), unit)


def _fault(metric: str, statistic: str) -> tuple[str, str]:
    """What is wrong with a figure and what may stand there instead; '' where it is right."""
    kept = [name for name in METRICS if name != "receive_lag"]
    if metric not in METRICS:
        return f"unknown metric {printable(metric)!r}{did_you_mean(metric, kept)}", ", ".join(kept)
    if metric not in kept:
        return f"{metric} is kept by no report and no baseline", ", ".join(kept)
    statistics = f"{', '.join(STATISTICS)} and percentiles such as p90 or p99.9"
    if not METRICS[metric].takes_statistic:
        return (f"{metric} takes no statistic", metric) if statistic else ("", "")
    if not statistic:
        return f"name a statistic, such as {metric}.p99", statistics
    if not is_statistic(statistic):
        return f"unknown statistic {printable(statistic)!r}{did_you_mean(statistic, STATISTICS)}", statistics
    return "", ""
