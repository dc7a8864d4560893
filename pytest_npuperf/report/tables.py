"""The two tables of the platform specification: per-request parameters and common metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tabulate import tabulate

from pytest_npuperf.metrics import Sample, Summary
from pytest_npuperf.metrics.sample import share_below
from pytest_npuperf.report.cells import EMPTY, cell, milliseconds
from pytest_npuperf.slo import StageRun
from pytest_npuperf.slo.resampling import needed_requests

__all__ = [
    "COLUMNS",
    "MORE_COLUMNS",
    "PERFORMANCE_HEADER",
    "STATISTICS",
    "UNSUPPORTED",
    "CommonValue",
    "common_metrics",
    "common_table",
    "n_of",
    "performance_rows",
    "performance_table",
]

CommonValue = str | int | float | None
"""Text where the metric has a unit, a number where it has none, None where it has no value."""

COLUMNS = ("Average", "Min", "Max", "Median", "P75", "P90", "P99")
"""The columns that the specification gives the statistics of the Performance Parameters table."""
MORE_COLUMNS = ("Average", "Min", "Max", "Median", "P50", "P75", "P90", "P95", "P99", "P99.9")
"""Those and the percentiles that reports of other tools have."""
UNSUPPORTED = "*"
"""Marks a percentile that rests on too few requests."""

STATISTICS = ("avg", "min", "max", "median", "p75", "p90", "p99")
"""The statistics of a sample that reports show, in the order of the columns."""

PERFORMANCE_HEADER = ("Performance Parameters", "Stage", *COLUMNS, "N")
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


def performance_table(
    summaries: Sequence[Summary],
    columns: Sequence[str] = COLUMNS,
    runs: Mapping[str, StageRun] | None = None,
) -> str:
    """The Performance Parameters table, a row for each parameter and stage.

    Args:
        summaries: One for each stage.
        columns: Statistics by their headings: ``Average``, ``Min``, ``Max``, ``Median``, ``P99.9``.
        runs: What was measured for each stage. With it, percentiles that rest on too few requests
            are marked ``UNSUPPORTED``, as ``needed_requests`` has it.
    """
    header = (*PERFORMANCE_HEADER[:2], *columns, PERFORMANCE_HEADER[-1])
    return _fancy_grid(performance_rows(summaries, columns, runs), header)


def common_table(summaries: Sequence[Summary]) -> str:
    """The Common Metric table, a row for each metric and stage."""
    rows = [
        [name, stage, EMPTY if value is None else str(value)]
        for name, values in common_metrics(summaries).items()
        for stage, value in values.items()
    ]
    return _fancy_grid(rows, _COMMON_HEADER)


def performance_rows(
    summaries: Sequence[Summary],
    columns: Sequence[str] = COLUMNS,
    runs: Mapping[str, StageRun] | None = None,
) -> list[list[str]]:
    """The cells of the Performance Parameters table; the arguments are those of ``performance_table``."""
    return [
        [name, summary.stage, *_cells(summary, attribute, unit, columns, runs), str(n_of(summary, attribute))]
        for name, attribute, unit in _PERFORMANCE_ROWS
        for summary in summaries
    ]


def common_metrics(summaries: Sequence[Summary]) -> dict[str, dict[str, CommonValue]]:
    """Metric name -> stage -> value."""
    return {
        name: {summary.stage: _common_value(getattr(summary, attribute), unit) for summary in summaries}
        for name, attribute, unit in _COMMON_ROWS
    }


def n_of(summary: Summary, metric: str) -> int:
    """N of a metric that has a sample; it counts requests, also for ITL, whose values are gaps."""
    if metric == "itl":
        return summary.itl_requests
    sample: Sample = getattr(summary, metric)
    return sample.n


def _cells(
    summary: Summary,
    metric: str,
    unit: str,
    columns: Sequence[str],
    runs: Mapping[str, StageRun] | None,
) -> Iterator[str]:
    sample: Sample = getattr(summary, metric)
    for column in columns:
        statistic = "avg" if column == "Average" else column.lower()
        figure = _figure(sample.statistic(statistic), unit)
        if runs is None or is_supported(summary, metric, statistic, runs[summary.stage]):
            yield figure
        else:
            yield f"{figure}{UNSUPPORTED}"


def is_supported(summary: Summary, metric: str, statistic: str, run: StageRun) -> bool:
    """Whether a percentile rests on enough requests of its stage; what is none, or has no value, does."""
    n = n_of(summary, metric)
    if not n or share_below(statistic) is None:
        return True
    return n >= needed_requests([run], metric, statistic)


def _common_value(value: float | None, unit: str) -> CommonValue:
    if value is None:
        return None
    return _figure(value, unit) if unit else round(value, 4)


def _figure(value: float | None, unit: str) -> str:
    return milliseconds(value) if unit == "ms" else cell(value, unit)


def _fancy_grid(rows: Sequence[Sequence[str]], header: Sequence[str]) -> str:
    return tabulate(rows, headers=header, tablefmt="fancy_grid", disable_numparse=True)
