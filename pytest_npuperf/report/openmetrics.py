"""The figures and verdicts of a run in the OpenMetrics text format."""

from __future__ import annotations

from collections.abc import Iterator
from math import isinf

from pytest_npuperf.metrics import Sample, Summary
from pytest_npuperf.report.escaping import label_value
from pytest_npuperf.report.figures import summary_figures
from pytest_npuperf.report.names import case_stems
from pytest_npuperf.result import CaseResult, RunRecord
from pytest_npuperf.slo.vocabulary import METRICS

__all__ = ["openmetrics_text"]

_DURATIONS = {"itl_per_token", *(name for name, metric in METRICS.items() if "ms" in metric.units)}
_QUANTILES = {
    "0": "min",
    "0.5": "median",
    "0.75": "p75",
    "0.9": "p90",
    "0.99": "p99",
    "1": "max",
}
_OUTCOMES = ("pass", "fail", "inconclusive", "no baseline")

_Labels = tuple[tuple[str, str], ...]
_Point = tuple[str, _Labels, float]
"""Name of the metric, its labels, the value."""


def openmetrics_text(record: RunRecord) -> str:
    """Every figure as a gauge with labels ``case``, ``stage`` and ``quantile``, and every verdict.

    Quantile 0 is the smallest value and 1 the largest; averages are ``..._mean``, the number of values
    ``..._samples``. Figures that could not be formed, and those of cases that were not measured, are
    left out. ``npuperf_verdict`` has a point for each outcome, which is 1 for the one that it is.
    """
    # by name and labels: a format without repeats, while a budget may be judged more than once
    families: dict[str, dict[_Labels, float]] = {}
    stems = case_stems([result.name for result in record.results])
    for stem, result in zip(stems, record.results, strict=True):
        for name, labels, value in _points(stem, result):
            families.setdefault(name, {})[labels] = value
    lines = [*_run_info(record), *(line for name in families for line in _family(name, families[name]))]
    return "\n".join([*lines, "# EOF", ""])


def _run_info(record: RunRecord) -> list[str]:
    labels = (
        ("run_id", record.run_id),
        ("abbr", record.abbr),
        ("model", str(record.server.get("model", ""))),
    )
    return ["# TYPE npuperf_run info", _line("npuperf_run_info", labels, 1)]


def _points(stem: str, result: CaseResult) -> Iterator[_Point]:
    case = (("case", stem), ("nodeid", result.nodeid))
    if not result.not_measured:
        for summary in result.summaries:
            yield from _figures(summary, (*case, ("stage", summary.stage)))
    for verdict in result.verdicts:
        budget = (
            *case,
            ("budget", verdict.budget.expression),
            ("advisory", str(verdict.budget.advisory).lower()),
        )
        for outcome in _OUTCOMES:
            yield "npuperf_verdict", (*budget, ("outcome", outcome)), int(verdict.outcome == outcome)


def _figures(summary: Summary, labels: _Labels) -> Iterator[_Point]:
    for name, value in summary_figures(summary).items():
        if isinstance(value, Sample):
            yield from _sample(name, value, labels)
        elif value is not None:
            yield f"npuperf_{name}{_suffix(name)}", labels, value


def _sample(name: str, sample: Sample, labels: _Labels) -> Iterator[_Point]:
    yield f"npuperf_{name}_samples", labels, sample.n
    if sample.avg is None:
        return
    yield f"npuperf_{name}_mean{_suffix(name)}", labels, sample.avg
    for quantile, statistic in _QUANTILES.items():
        value = sample.statistic(statistic)
        assert value is not None
        yield f"npuperf_{name}{_suffix(name)}", (*labels, ("quantile", quantile)), value


def _suffix(name: str) -> str:
    return "_seconds" if name in _DURATIONS else ""


def _family(name: str, points: dict[_Labels, float]) -> Iterator[str]:
    yield f"# TYPE {name} gauge"
    if name.endswith("_seconds"):
        yield f"# UNIT {name} seconds"
    for labels, value in points.items():
        yield _line(name, labels, value)


def _line(name: str, labels: _Labels, value: float) -> str:
    written = ",".join(f"{label}={label_value(text)}" for label, text in labels)
    return f"{name}{{{written}}} {'+Inf' if isinf(value) else value}"
