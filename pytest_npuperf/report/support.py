"""Marks of percentiles of a case that rest on too few requests."""

from __future__ import annotations

from pytest_npuperf.report.tables import UNSUPPORTED, is_supported
from pytest_npuperf.result import CaseResult

__all__ = ["UNSUPPORTED_NOTE", "is_case_supported", "starred"]

UNSUPPORTED_NOTE = f"{UNSUPPORTED} rests on too few requests for that percentile"


def is_case_supported(result: CaseResult, metric: str, statistic: str) -> bool:
    """Whether a percentile of all requests rests on enough of them."""
    return is_supported(result.summary, metric, statistic, result.stage_runs()["total"])


def starred(text: str, result: CaseResult, metric: str, statistic: str, *, star: str = UNSUPPORTED) -> str:
    """A percentile of all requests as text, with the mark where it rests on too few of them."""
    return text if is_case_supported(result, metric, statistic) else f"{text}{star}"
