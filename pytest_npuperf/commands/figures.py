"""Figures by their names, as they are given to the commands."""

from __future__ import annotations

import re

from pytest_npuperf.errors import SettingsError
from pytest_npuperf.report.change import Figure
from pytest_npuperf.slo.vocabulary import METRICS, STATISTICS, did_you_mean, is_statistic
from pytest_npuperf.text import printable

__all__ = ["parse_figure"]

_STAGE = re.compile(r"(total|steady|turn [1-9]\d*)\.(.*)")


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


def _fault(metric: str, statistic: str) -> tuple[str, str]:
    """What is wrong with a figure and what may stand there instead; '' where it is right."""
    kept = [name for name, metric in METRICS.items() if not metric.of_chunks]
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
