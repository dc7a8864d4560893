"""The two tables of the platform specification: per-request parameters and common metrics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tabulate import tabulate

from pytest_npuperf.metrics import Sample, Summary
from pytest_npuperf.report.cells import EMPTY, cell, milliseconds

__all__ = [
    "PERFORMANCE_HEADER",
    "STATISTICS",
    "CommonValue",
    "common_metrics",
    "common_table",
    "performance_rows",
    "performance_table",
]

CommonValue = str | int | float | None
"""Text where the metric has a unit, a number where it has none, None where it has no value."""

PERFORMANCE_HEADER = (
    "Performance Parameters",
    "Stage",
    "Average",
    "Min",
    "Max",
    "Median",
    "P75",
    "P90",
    "P99",
    "N",
)
STATISTICS = ("avg", "min", "max", "median", "p75", "p90", "p99")
"""The statistics of a sample that reports show, in the order of the columns."""

_COMMON_HEADER = ("Common Metric", "Stage", "Value")

_PERFORMANCE_ROWS = (
    ("E2EL", "e2el", "ms"),
    ("TTFT", "ttft", "ms"),
    ("TPOT", "tpot", "ms"),
    ("ITL", "itl", "ms"),
    ("InputTokens", "input_tokens", ""),
    ("OutputTokens", "output_tokens", ""),
    ("OutputTokenThroughput", "request_output_token_throughput", "token/s"),
)
_COMMON_ROWS = (
    ("Benchmark Duration", "benchmark_duration", "ms"),
    ("Total Requests", "total_requests", ""),
    ("Failed Requests", "failed_requests", ""),
    ("Success Requests", "success_requests", ""),
    ("Concurrency", "concurrency", ""),
    ("Max Concurrency", "max_concurrency", ""),
    ("Request Throughput", "request_throughput", "req/s"),
    ("Total Input Tokens", "total_input_tokens", ""),
    ("Prefill Token Throughput", "prefill_token_throughput", "token/s"),
    ("Total generated tokens", "total_output_tokens", ""),
    ("Input Token Throughput", "input_token_throughput", "token/s"),
    ("Output Token Throughput", "output_token_throughput", "token/s"),
    ("Total Token Throughput", "total_token_throughput", "token/s"),
)


def performance_table(summaries: Sequence[Summary]) -> str:
    """The Performance Parameters table, a row for each parameter and stage."""
    return _fancy_grid(performance_rows(summaries), PERFORMANCE_HEADER)


def common_table(summaries: Sequence[Summary]) -> str:
    """The Common Metric table, a row for each metric and stage."""
    rows = [
        [name, stage, EMPTY if value is None else str(value)]
        for name, values in common_metrics(summaries).items()
        for stage, value in values.items()
    ]
    return _fancy_grid(rows, _COMMON_HEADER)


def performance_rows(summaries: Sequence[Summary]) -> list[list[str]]:
    """The cells under ``PERFORMANCE_HEADER``."""
    return [
        [name, summary.stage, *_statistics(getattr(summary, attribute), unit), str(_n(summary, attribute))]
        for name, attribute, unit in _PERFORMANCE_ROWS
        for summary in summaries
    ]


def common_metrics(summaries: Sequence[Summary]) -> dict[str, dict[str, CommonValue]]:
    """Metric name -> stage -> value."""
    return {
        name: {summary.stage: _common_value(getattr(summary, attribute), unit) for summary in summaries}
        for name, attribute, unit in _COMMON_ROWS
    }


def _statistics(sample: Sample, unit: str) -> Iterator[str]:
    for name in STATISTICS:
        yield _figure(sample.statistic(name), unit)


def _n(summary: Summary, attribute: str) -> int:
    """N counts requests; the values of ITL are gaps, many to a request."""
    if attribute == "itl":
        return summary.itl_requests
    sample: Sample = getattr(summary, attribute)
    return sample.n


def _common_value(value: float | None, unit: str) -> CommonValue:
    if value is None:
        return None
    return _figure(value, unit) if unit else round(value, 4)


def _figure(value: float | None, unit: str) -> str:
    return milliseconds(value) if unit == "ms" else cell(value, unit)


def _fancy_grid(rows: Sequence[Sequence[str]], header: Sequence[str]) -> str:
    return tabulate(rows, headers=header, tablefmt="fancy_grid", disable_numparse=True)
