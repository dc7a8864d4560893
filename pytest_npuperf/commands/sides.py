"""The two sides of a comparison: reports or baselines, case by case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from pytest_npuperf.baselines import Baseline, Fingerprint, full_name, load_baseline
from pytest_npuperf.commands.marks import saved_marks
from pytest_npuperf.errors import NoBaselineError, SettingsError
from pytest_npuperf.saved import SavedReport, read_report
from pytest_npuperf.slo import StageRun
from pytest_npuperf.text import printable

__all__ = ["Side", "SideCase", "read_side"]


@dataclass(frozen=True, slots=True, eq=False)
class SideCase:
    """A case of one side."""

    stages: Mapping[str, tuple[StageRun, ...]]
    """Stage -> its measurements."""
    fingerprints: tuple[Fingerprint, ...]
    """What each was run with."""
    marks: tuple[str, ...] = ()
    """What a reader must know before the figures."""


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """A report or a baseline."""

    title: str
    cases: Mapping[str, SideCase]
    """By their names, in their order."""


def read_side(place: str, baselines: Path) -> Side:
    """The report in a folder, or else the baseline of that name or path.

    Args:
        place: As it was given.
        baselines: Where baselines are kept by their names.

    Raises:
        ReportError: The report is damaged.
        BaselineError: The baseline is damaged, or its name is not valid.
        SettingsError: There is neither.
    """
    path = Path(place)
    if path.is_file() or (path / "summary.json").exists():
        return _of_report(read_report(path))
    try:
        return _of_baseline(load_baseline(place, baselines))
    except NoBaselineError as exc:
        if path.exists():
            return _of_report(read_report(path))
        raise SettingsError(f"{printable(place)!r} is neither a report nor a baseline: {exc}") from exc


def _of_report(report: SavedReport) -> Side:
    cases: dict[str, SideCase] = {}
    names = Counter(case.result.name for case in report.cases)
    for case in report.cases:
        result = case.result
        # as a baseline tells them apart
        name = full_name(result.name, result.nodeid) if names[result.name] > 1 else result.name
        cases[_free_name(name, cases)] = SideCase(
            {name: stage.runs for name, stage in result.evidence.stages.items()},
            (report.made_with(result),),
            tuple(saved_marks(case)),
        )
    return Side(f"report {report.directory}", cases)


def _of_baseline(baseline: Baseline) -> Side:
    runs = baseline.runs
    cases = {
        name: SideCase(
            {
                stage: tuple(run.measured for run in baseline.runs_of(name, stage))
                for stage in dict.fromkeys(run.stage for run in runs if run.case == name)
            },
            tuple(run.fingerprint for run in runs if run.case == name),
        )
        for name in dict.fromkeys(run.case for run in runs)
    }
    return Side(f"baseline {baseline.name} in {baseline.path}", cases)


def _free_name(name: str, taken: Container[str]) -> str:
    """The name of a case; one item may have measured two of the same name."""
    names = (name if number == 1 else f"{name} ({number})" for number in count(1))
    return next(free for free in names if free not in taken)
