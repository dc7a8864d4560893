"""Traces to per-request values to summaries."""

from pytest_npuperf.metrics.health import ClientHealth, client_health
from pytest_npuperf.metrics.requests import RequestValues, request_values
from pytest_npuperf.metrics.sample import Sample
from pytest_npuperf.metrics.summary import Summary, summarize

__all__ = [
    "ClientHealth",
    "RequestValues",
    "Sample",
    "Summary",
    "client_health",
    "request_values",
    "summarize",
]
