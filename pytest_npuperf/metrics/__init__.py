"""Traces to per-request values to summaries."""

from pytest_npuperf.metrics.requests import RequestValues, request_values
from pytest_npuperf.metrics.sample import Sample
from pytest_npuperf.metrics.summary import Summary, summarize

__all__ = ["RequestValues", "Sample", "Summary", "request_values", "summarize"]
