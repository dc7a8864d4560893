"""The values of a history: runs in order of time, and how each figure of a case went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pytest_npuperf.report.change import Figure
from pytest_npuperf.report.html.verdict_marks import Look

__all__ = ["Bound", "CaseHistory", "History", "HistoryRun", "Trend", "TrendPoint"]

_SHORT_COMMIT, _LONG_COMMIT = 7, 12


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRun:
    """One run."""

    started: datetime
    """With its offset."""
    commit: str
    """Of git, '' where it is not known."""
    is_dirty: bool
    """Whether there were changes that the commit does not have."""
    model: str
    directory: str
    """Of its report."""

    @property
    def label(self) -> str:
        """Its commit, else its day, in ten letters at most."""
        return self.commit[:_SHORT_COMMIT] or self.started.date().isoformat()

    @property
    def date(self) -> str:
        """When it started: ``2026-03-26 20:22+08:00``."""
        return self.started.isoformat(" ", "minutes")

    @property
    def commit_text(self) -> str:
        """The commit as tables show it, ``-`` where it is not known."""
        if not self.commit:
            return "-"
        return self.commit[:_LONG_COMMIT] + (", dirty" if self.is_dirty else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendPoint:
    """A figure of one run."""

    run: HistoryRun
    value: float | None
    """In the metric's own unit inside the program; None where it was not measured."""
    n: int
    """Requests that it rests on."""
    needed_n: int | None = None
    """How many it needs for an interval, where there are fewer."""
    notes: tuple[str, ...] = ()
    """What a reader must know before it."""
    changes: tuple[str, ...] = ()
    """What the case was measured with that the one before was not."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What a budget of the newest run holds the figure against."""

    expression: str
    value: float
    look: Look
    """By what the newest run made of it; ``open`` where that was held against something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A figure of a case, run by run."""

    figure: Figure
    points: tuple[TrendPoint, ...]
    """In order of time, one for each run that has the case."""
    baseline: float | None = None
    """The mean of the baseline's runs."""
    bounds: tuple[Bound, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseHistory:
    """A case in all runs that have it."""

    name: str
    trends: tuple[Trend, ...]
    notes: tuple[str, ...] = ()
    """What is to be said of its baseline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Many runs."""

    runs: tuple[HistoryRun, ...]
    """In order of time."""
    cases: tuple[CaseHistory, ...]
    left_out: tuple[str, ...] = ()
    """Each report that could not be read, and why."""
    baseline: str = ""
    """Its name; '' where there is none."""
