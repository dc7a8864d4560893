"""Whether a percentile of a case rests on enough requests."""

from __future__ import annotations

from pytest_npuperf.report.tables import UNSUPPORTED, n_of
from pytest_npuperf.result import CaseResult
from pytest_npuperf.slo.resampling import needed_requests

__all__ = ["UNSUPPORTED_NOTE", "is_supported"]

UNSUPPORTED_NOTE = f"{UNSUPPORTED} rests on too few requests for that percentile"


def is_supported(result: CaseResult, metric: str, statistic: str) -> bool:
    """Whether it does, of all requests; one that there is no value of rests on nothing and is not marked."""
    n = n_of(result.summary, metric)
    return not n or n >= needed_requests([result.stage_runs()["total"]], metric, statistic)
