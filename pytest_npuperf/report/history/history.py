"""The values of a history: runs in order of time, and how each figure of a case went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pytest_npuperf.capacity import LoadAxis
from pytest_npuperf.report.change import Figure
from pytest_npuperf.report.html.verdict_marks import Look

__all__ = ["Bound", "CaseHistory", "CaseState", "History", "HistoryRun", "Trend", "TrendPoint"]

_SHORT_COMMIT, _LONG_COMMIT = 7, 12


@dataclass(frozen=True, slots=True)
class CaseState:
    """How a case came out in a run, as far as its report tells."""

    word: str
    """``kept``, ``broken``, ``not measured``, ``failed``."""
    look: Look
    reasons: tuple[str, ...] = ()
    """Such as the budgets that are broken, or what the test failed with."""


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
    link: str = ""
    """Address of its page, from the page of the history; '' where there is none."""
    states: tuple[tuple[str, CaseState], ...] = ()
    """Name of each case and how it came out."""
    unmeasured: tuple[tuple[str, CaseState], ...] = ()
    """Node id of each case that failed before anything was measured, and how."""
    has_seconds: bool = False
    """Whether its time is told with them, where another run started in the same minute."""
    number: int = 1
    """Which of the runs it is that would else have the same label."""

    @property
    def label(self) -> str:
        """Its commit, else its day and time: short, as it stands at an axis."""
        time = f"{self.started:%m-%d %H:%M:%S}" if self.has_seconds else f"{self.started:%m-%d %H:%M}"
        name = self.commit[:_SHORT_COMMIT] or time
        return name if self.number == 1 else f"{name} #{self.number}"

    @property
    def date(self) -> str:
        """When it started: ``2026-03-26 20:22+08:00``."""
        return self.started.isoformat(" ", "seconds" if self.has_seconds else "minutes")

    @property
    def described(self) -> str:
        """When it started, and its commit where it is known."""
        return f"{self.date}, commit {self.commit_text}" if self.commit else self.date

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
    breaks_budget: bool = False
    """Whether a budget on this figure failed the test; an advisory one never does."""
    changes: tuple[str, ...] = ()
    """What the case was measured with that the one before was not."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What a budget of the newest run holds the figure against."""

    expression: str
    value: float
    look: Look
    """By what became of the newest run's test; ``open`` where that was held against something else."""
    is_advisory: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A figure of a case, run by run."""

    figure: Figure
    points: tuple[TrendPoint, ...]
    """In order of time, one for each run that has the case."""
    baseline: float | None = None
    """The mean of the baseline's runs."""
    bounds: tuple[Bound, ...] = ()
    axis: LoadAxis | None = None
    """Of the capacity that searches found; None for figures of requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseHistory:
    """A case in all runs that have it."""

    name: str
    trends: tuple[Trend, ...]
    notes: tuple[str, ...] = ()
    """What is to be said of its figures and its baseline."""
    state: CaseState
    """Of the newest run that has it."""
    is_like_baseline: bool = True
    """Whether that run was measured with the same as the baseline, as far as it is known."""


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
