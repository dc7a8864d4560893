"""The page over many runs: how figures went from one to the next."""

from pytest_npuperf.report.history.history import (
    Bound,
    CaseHistory,
    CaseState,
    History,
    HistoryRun,
    Trend,
    TrendPoint,
)
from pytest_npuperf.report.history.page import history_html

__all__ = [
    "Bound",
    "CaseHistory",
    "CaseState",
    "History",
    "HistoryRun",
    "Trend",
    "TrendPoint",
    "history_html",
]
