"""The figures of a report by its ``summary.json``, without the requests behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from pytest_npuperf.baselines import Fingerprint, fingerprint
from pytest_npuperf.errors import ReportError
from pytest_npuperf.saved.files import (
    CaseEntry,
    RunEntry,
    UnmeasuredEntry,
    read_case_settings,
    read_run,
    report_directory,
)
from pytest_npuperf.slo.vocabulary import METRICS

__all__ = ["CaseFigures", "RunFigures", "read_figures"]

# What is beyond these bounds no run has measured.
_Number = Annotated[float, Meta(ge=-1e15, le=1e15)]
_Value = _Number | None | dict[str, _Number | None]

_N_OF_ITL = "itl_requests"
_SAME = {"p50": "median", "median": "p50"}


class _Case(msgspec.Struct):
    stages: dict[str, dict[str, Any]]


class _Run(msgspec.Struct):
    started: Annotated[datetime, Meta(tz=True)]
    stopped: bool
    cases: list[_Case]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CaseFigures:
    """What a report says of a case."""

    entry: CaseEntry
    made_with: Fingerprint
    """Without the workload where the report does not have its settings any more."""
    stages: Mapping[str, Mapping[str, _Value]]

    def figure(self, metric: str, statistic: str | None, stage: str) -> tuple[float | None, int]:
        """A figure of the successful requests and how many it rests on; None where the report has none.

        For a metric without a statistic these are all requests that were sent.
        """
        values = self.stages.get(stage, {})
        found = values.get(metric)
        if statistic is None:
            return (None if isinstance(found, dict) else found), self.count("total_requests", stage)
        if not isinstance(found, dict):
            return None, 0
        n = self.count(_N_OF_ITL, stage) if metric == "itl" else int(found.get("n") or 0)
        return found.get(statistic, found.get(_SAME.get(statistic, ""))), n

    def count(self, metric: str, stage: str) -> int:
        """A figure that is a count, 0 where the report has none."""
        found = self.stages.get(stage, {}).get(metric)
        return 0 if found is None or isinstance(found, dict) else int(found)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RunFigures:
    """What a report says of a run."""

    directory: Path
    run_id: str
    started: datetime
    """With its offset."""
    stopped: bool
    environment: Mapping[str, Any]
    server: Mapping[str, Any]
    cases: tuple[CaseFigures, ...]
    unmeasured: tuple[UnmeasuredEntry, ...] = ()


def read_figures(path: Path) -> RunFigures:
    """The figures of a report that is given by its folder or by its ``summary.json``.

    Beside that file only ``configs/cases.json`` is read, where it is there, to tell whether two runs had
    the same workload.

    Raises:
        ReportError: It is missing, damaged or of a newer version.
    """
    directory = report_directory(path)
    run = read_run(directory)
    summary = directory / "summary.json"
    try:
        read = msgspec.json.decode(summary.read_bytes(), type=_Run)
        stages = [_stages(case) for case in read.cases]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OSError) as exc:
        raise _damaged(summary, str(exc)) from exc
    if len(stages) != len(run.cases):
        raise _damaged(summary, "it changed while it was read")
    made_with = _fingerprints(directory, run)
    return RunFigures(
        directory=directory,
        run_id=run.run_id,
        started=read.started,
        stopped=read.stopped,
        environment=run.environment,
        server=run.server,
        cases=tuple(
            CaseFigures(entry=entry, made_with=facts, stages=of_case)
            for entry, facts, of_case in zip(run.cases, made_with, stages, strict=True)
        ),
        unmeasured=tuple(run.unmeasured),
    )


def _stages(case: _Case) -> dict[str, dict[str, _Value]]:
    """What a later version adds to a stage may be of any kind, so only what is known here is checked."""
    known = {*METRICS, _N_OF_ITL}
    return {
        stage: msgspec.convert(
            {name: value for name, value in values.items() if name in known}, dict[str, _Value]
        )
        for stage, values in case.stages.items()
    }


def _fingerprints(directory: Path, run: RunEntry) -> list[Fingerprint]:
    if (directory / "configs" / "cases.json").exists():
        settings = read_case_settings(directory, run)
        return [fingerprint(run.environment, run.server, of_case) for of_case in settings]
    facts = {**fingerprint(run.environment, run.server, {}), "workload": None}
    return [facts for _ in run.cases]


def _damaged(path: Path, why: str) -> ReportError:
    return ReportError(f"the report is damaged: {path}: {why}. Copy it again, all of it, or measure again")
