"""A measured stage as what budgets are judged by."""

from __future__ import annotations

from pytest_npuperf.metrics import Summary, request_values
from pytest_npuperf.metrics.by_request import ByRequest, gaps_by_request, request_column
from pytest_npuperf.slo.stage_run import StageRun
from pytest_npuperf.slo.vocabulary import METRICS
from pytest_npuperf.trace import Trace

__all__ = ["run_of_stage"]


def run_of_stage(trace: Trace, summary: Summary) -> StageRun:
    """One stage of one run, request by request; ``trace`` has the requests of the stage alone."""
    values = request_values(trace)
    samples: dict[str, ByRequest] = {
        metric.name: request_column(trace, values, metric.name)
        for metric in METRICS.values()
        if metric.of_request
    }
    samples["receive_lag"] = summary.receive_lag.values
    samples["itl"] = gaps_by_request(trace)
    return StageRun(samples, _totals(summary))


def _totals(summary: Summary) -> dict[str, float]:
    names = [metric.name for metric in METRICS.values() if not metric.takes_statistic]
    totals = {name: getattr(summary, name, None) for name in (*names, "max_concurrency")}
    return {name: float(total) for name, total in totals.items() if isinstance(total, (int, float))}
