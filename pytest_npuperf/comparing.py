"""What a run is compared with, and what it leaves for later ones: its side of the baselines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from pytest_npuperf.baselines import (
    Baseline,
    BaselineRun,
    Fingerprint,
    load_baseline,
    save_baseline,
)
from pytest_npuperf.errors import BaselineError, NoBaselineError
from pytest_npuperf.result import OTHER_SIDE, CaseResult
from pytest_npuperf.slo import FindReference, Reference, no_reference

__all__ = ["BaselineFinder", "beside", "save_results"]


@dataclass(frozen=True, slots=True)
class BaselineFinder:
    """Finds what the relative budgets of a run are held against; each baseline is read once.

    Args:
        directory: Where baselines are kept by their names.
        named: The one that the run compares with, by its name or path; None without one.
        made_with: What a case was run with.
    """

    directory: Path
    named: str | None
    made_with: Callable[[CaseResult], Fingerprint]
    _read: dict[str, Baseline] = field(default_factory=dict)

    def of(self, result: CaseResult) -> FindReference:
        """What finds the references of a case that was measured."""
        return self.of_case(result.name, result.nodeid, lambda: self.made_with(result))

    def of_case(self, case: str, node: str, made_with: Callable[[], Fingerprint]) -> FindReference:
        """What finds the references of a case.

        Args:
            case: Its name.
            node: The node id of its item.
            made_with: What it is run with, as far as that is known.
        """
        return partial(self._find, case, node, made_with)

    def _find(
        self, case: str, node: str, made_with: Callable[[], Fingerprint], name: str | None, stage: str
    ) -> Reference:
        wanted = name or self.named
        if wanted is None:
            return no_reference(name, stage)
        if wanted not in self._read:
            self._read[wanted] = load_baseline(wanted, self.directory)
        return self._read[wanted].reference(case, stage, node=node, current=made_with())


def beside(other: CaseResult, stored: FindReference) -> FindReference:
    """What finds the references of a case that was measured by turns with another one.

    Args:
        other: The result to compare with where a budget names no baseline.
        stored: Finds the baselines that budgets name.
    """
    runs = [measurement.stage_runs() for measurement in other.measurements]

    def find(name: str | None, stage: str) -> Reference:
        if name is not None:
            return stored(name, stage)
        found = tuple(stages[stage] for stages in runs if stage in stages)
        if not found:
            raise NoBaselineError(
                f"no request of {other.name} belonged to {stage}: there is nothing to compare"
            )
        return Reference(other.name, found, is_paired=True)

    return find


def save_results(
    results: Sequence[CaseResult],
    *,
    directory: Path,
    name: str,
    made_with: Callable[[CaseResult], Fingerprint],
) -> Iterator[str]:
    """Add every measurement that can be compared with to a baseline; yields the lines to print."""
    saved = 0
    for result in results:
        unfit = _unfit(result)
        if unfit:
            yield f"npuperf: {result.name} is not saved as a baseline: {unfit}"
            continue
        for measurement in result.measurements or (result,):
            for stage, measured in measurement.stage_runs().items():
                run = BaselineRun(
                    case=result.name,
                    node=result.nodeid,
                    stage=stage,
                    started=measurement.started,
                    fingerprint=made_with(result),
                    measured=measured,
                )
                try:
                    save_baseline(directory, name, run)
                except (BaselineError, OSError) as exc:
                    yield f"npuperf: not saved as a baseline: {exc}"
                else:
                    saved += 1
    if saved:
        yield f"npuperf: saved as baseline {name!r} in {directory / name}"


def _unfit(result: CaseResult) -> str:
    """Why a result must not be compared with, '' where it may."""
    if result.name.endswith(OTHER_SIDE):
        return "it is only there to be compared with; measure that server by itself to save it"
    if result.stopped:
        return "it was stopped before its end"
    return result.not_measured or result.aborted or "; ".join(result.vacuous)
