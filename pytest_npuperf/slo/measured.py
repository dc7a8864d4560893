"""A measured stage as what budgets are judged by."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from pytest_npuperf.metrics import RequestValues, Summary, request_values
from pytest_npuperf.metrics.gaps import chunk_gaps
from pytest_npuperf.metrics.requests import Floats
from pytest_npuperf.slo.stage_run import StageRun
from pytest_npuperf.slo.vocabulary import METRICS
from pytest_npuperf.trace import Trace

__all__ = ["run_of_stage"]

_OF_ALL_REQUESTS = ("schedule_delay",)


def run_of_stage(trace: Trace, summary: Summary) -> StageRun:
    """One stage of one run, request by request; ``trace`` has the requests of the stage alone."""
    good = trace.succeeded
    values = request_values(trace)
    columns = {_metric(field.name): getattr(values, field.name) for field in fields(RequestValues)}
    samples: dict[str, Floats | tuple[Floats, ...]] = {
        name: column if name in _OF_ALL_REQUESTS else column[good]
        for name, column in columns.items()
        if name in METRICS
    }
    samples["receive_lag"] = summary.receive_lag.values
    samples["itl"] = tuple(chunk_gaps(trace, np.flatnonzero(good)))
    return StageRun(samples, _totals(summary))


def _metric(column: str) -> str:
    """The name in budgets of a column of the requests' values."""
    return f"request_{column}" if column == "output_token_throughput" else column


def _totals(summary: Summary) -> dict[str, float]:
    names = [metric.name for metric in METRICS.values() if not metric.takes_statistic]
    totals = {name: getattr(summary, name, None) for name in (*names, "max_concurrency")}
    return {name: float(total) for name, total in totals.items() if isinstance(total, (int, float))}
