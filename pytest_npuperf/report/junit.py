"""The key figures and verdicts of a case as properties of its test case in JUnit XML."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_npuperf.result import CaseResult
from pytest_npuperf.slo import Verdict
from pytest_npuperf.text import printable

__all__ = ["junit_properties"]

_SAMPLES = ("ttft", "tpot", "itl", "e2el")
_STATISTICS = ("avg", "median", "p90", "p99")
_TOTALS = (
    "total_requests",
    "failed_requests",
    "benchmark_duration",
    "request_throughput",
    "output_token_throughput",
    "total_token_throughput",
)


def junit_properties(result: CaseResult) -> list[tuple[str, str | float]]:
    """Names and plain values, durations in seconds; a figure that could not be formed is left out.

    ``npuperf.ttft.p99``, and ``npuperf.budget: ttft.p99 < 500 ms`` with the outcome. Where a test
    measured several cases, the name of the second and later ones follows ``npuperf.``.
    """
    is_first = result.nodeid.endswith(f"::{result.name}")
    prefix = "npuperf" if is_first else f"npuperf.{printable(result.name)}"
    return [(f"{prefix}.{name}", value) for name, value in _values(result)]


def _values(result: CaseResult) -> Iterator[tuple[str, str | float]]:
    if result.not_measured:
        yield "not_measured", printable(result.not_measured)
        return
    summary = result.summary
    for metric in _SAMPLES:
        for statistic in _STATISTICS:
            value = getattr(summary, metric).statistic(statistic)
            if value is not None:
                yield f"{metric}.{statistic}", value
    for total in _TOTALS:
        value = getattr(summary, total)
        if value is not None:
            yield total, value
    for verdict in result.verdicts:
        yield f"budget: {printable(verdict.budget.expression)}", _outcome(verdict)


def _outcome(verdict: Verdict) -> str:
    return f"{verdict.outcome} (advisory)" if verdict.budget.advisory else verdict.outcome
