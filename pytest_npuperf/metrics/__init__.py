"""Traces to per-request values to summaries."""

from pytest_npuperf.metrics.concurrency import concurrency_steps
from pytest_npuperf.metrics.health import HEALTH_LIMITS, ClientHealth, client_health, reached_limits
from pytest_npuperf.metrics.intervals import interval, is_precise
from pytest_npuperf.metrics.pooling import (
    pooled_health,
    pooled_rows,
    pooled_steady,
    pooled_trace,
    pooled_turn_stages,
)
from pytest_npuperf.metrics.requests import RequestValues, request_values
from pytest_npuperf.metrics.sample import Sample
from pytest_npuperf.metrics.steady import NoSteady, Steady, steady_stage, summarize_steady
from pytest_npuperf.metrics.summary import Summary, summarize, turn_stages

__all__ = [
    "HEALTH_LIMITS",
    "ClientHealth",
    "NoSteady",
    "RequestValues",
    "Sample",
    "Steady",
    "Summary",
    "client_health",
    "concurrency_steps",
    "interval",
    "is_precise",
    "pooled_health",
    "pooled_rows",
    "pooled_steady",
    "pooled_trace",
    "pooled_turn_stages",
    "reached_limits",
    "request_values",
    "steady_stage",
    "summarize",
    "summarize_steady",
    "turn_stages",
]
