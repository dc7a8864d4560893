"""A case at several loads: a search or a sweep, each step of it a case of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec

from pytest_npuperf.capacity import (
    AGREEING,
    EarlyEnd,
    End,
    Exploration,
    LoadAxis,
    LoadPoint,
    Step,
    is_saturated,
    loads_of,
    measured_step,
    next_load,
    next_value,
)
from pytest_npuperf.case import Case
from pytest_npuperf.errors import CaseError, LoadError
from pytest_npuperf.load.plan import ClosedLoop, OpenLoop
from pytest_npuperf.load.run import Progress
from pytest_npuperf.result import CaseResult
from pytest_npuperf.runner import CaseRun
from pytest_npuperf.slo import Budget, implied_budgets, judge

__all__ = ["Explorer"]

_LEAST_TURNS = 2
"""Measured requests of each client: with less, so many clients would hardly ever be busy at once."""
_SHORTEST_RATE_STEP = 30.0
"""Seconds that arrivals go on where the case sets no duration: a short burst is no rate."""
_WATCH_INTERVAL = 0.25
_SETTLED_AFTER = 2
"""Times the slowest answers at a load that was borne: longer loads make answers slower."""


class Explorer:
    """A search or a sweep while it runs; used as ``CaseRun`` is.

    Of the steps only the key figures are kept. The result has the trace of one measurement: for a
    search the one by which the found load was confirmed, or the last one where none was found; for
    a sweep the last one.

    Args:
        case: With a search or a sweep.
        start: Starts a step, which is a case without either.
        note: Takes a line for the log.
    """

    def __init__(self, case: Case, start: Callable[[Case], CaseRun], note: Callable[[str], None]) -> None:
        self._case = case
        self._start = start
        self._note = note
        self._axis, self._decide = _plan(case)
        self._budgets = case.search.budgets if case.search is not None else _plain(case.slo)
        self._steps: list[Step] = []
        self._end: End | None = None
        self._confirmed: CaseResult | None = None
        self._last: CaseResult | None = None
        self._run: CaseRun | None = None
        self._advance()

    def poll(self) -> bool:
        """Take in what has arrived, and go on to the next step; True once there is none.

        Raises:
            LoadError: The load generator died.
        """
        if self._run is None:
            return True
        if self._run.poll():
            self._take(self._run.finish(), "")
        elif self._queue_grows(self._run.progress()):
            self._take(self._run.finish(stopped=True), "saturated")
        else:
            return False
        return self._advance()

    def progress(self) -> Progress:
        """Where the load of the present step stands."""
        assert self._run is not None
        return self._run.progress()

    def finish(self, *, stopped: bool = False) -> CaseResult:
        """The result under the case's own name, with all the steps; a step that still runs is ended."""
        if stopped and self._run is not None:
            try:
                self._take(self._run.finish(stopped=True), "stopped")
            except LoadError:
                # the step has no result, but those before it have: the reason is on its way already
                if self._last is None:
                    raise
        result = self._confirmed or self._last
        assert result is not None
        return replace(
            result,
            name=self._case.name,
            settings=self._case.described() | {"load": result.settings["load"]},
            stopped=stopped or result.stopped,
            exploration=Exploration(
                axis=self._axis,
                search=self._case.search,
                steps=tuple(self._steps),
                end=self._end or End("stopped"),
            ),
        )

    def close(self) -> None:
        """End the load generator and remove what it left."""
        if self._run is not None:
            self._run.close()

    def _advance(self) -> bool:
        """Start the next step; True where there is none."""
        decision = self._decide(self._steps)
        if isinstance(decision, End):
            self._end = decision
            found = f", found {self._axis} {decision.found:g}" if decision.found is not None else ""
            self._note(f"{self._case.name}: {decision.reason}{found}")
            return True
        self._load = decision
        self._points: list[LoadPoint] = []
        self._run = self._start(_step_case(self._case, self._axis, decision, len(self._steps) + 1))
        return False

    def _take(self, result: CaseResult, ended_early: EarlyEnd) -> None:
        assert self._run is not None
        self._run.close()
        self._run = None
        if result.aborted:
            ended_early = "aborted"
        client_bound = result.health.state == "invalid"
        kept = None if client_bound else self._keeps_budgets(result, ended_early)
        step = measured_step(
            self._load, result.summary, kept=kept, ended_early=ended_early, client_bound=client_bound
        )
        self._steps.append(step)
        judged = {True: "budgets kept", False: "budgets broken", None: "not judged"}[kept]
        self._note(f"{self._case.name}: {self._axis} {self._load:g}: {judged} {ended_early}".rstrip())
        self._last = result
        agreeing = [step for step in self._steps if step.load == self._load and step.kept]
        if self._case.search is not None and kept and len(agreeing) >= AGREEING:
            self._confirmed = result

    def _keeps_budgets(self, result: CaseResult, ended_early: EarlyEnd) -> bool | None:
        if not self._budgets or ended_early == "stopped":
            return None
        if ended_early:
            return False
        implied = implied_budgets([*self._budgets, *self._case.slo], result.summary)
        verdicts = judge([*self._budgets, *implied], result.evidence)
        return all(verdict.outcome == "pass" for verdict in verdicts) and not result.vacuous

    def _queue_grows(self, progress: Progress) -> bool:
        """Whether the present step, an open loop, need not go on: its queue grows without end."""
        borne = [step.e2el_p99 for step in self._steps if step.kept is not False and step.e2el_p99]
        if self._axis != "rate" or not borne:
            return False
        if self._points and progress.elapsed < self._points[-1].elapsed + _WATCH_INTERVAL:
            return False
        ended = progress.sent - progress.in_flight
        self._points.append(LoadPoint(progress.elapsed, progress.in_flight, ended))
        return is_saturated(self._points, settled=_SETTLED_AFTER * borne[-1])


def _plain(budgets: Sequence[Budget]) -> tuple[Budget, ...]:
    """Those that say of one load whether it is borne: not against a baseline, and not to warn only."""
    return tuple(budget for budget in budgets if budget.relative is None and not budget.advisory)


_Decide = Callable[[Sequence[Step]], "float | End"]


def _plan(case: Case) -> tuple[LoadAxis, _Decide]:
    """What is varied, and what decides on the next load."""
    search, sweep = case.search, case.sweep
    if search is not None and sweep is None:
        loads = loads_of(search)
        return search.maximize, lambda steps: next_load(loads, [(step.load, step.kept) for step in steps])
    if sweep is not None and search is None:
        return sweep.axis, lambda steps: next_value(sweep, steps)
    raise CaseError(f"{case.name}: has a search and a sweep: give one of them")


def _step_case(case: Case, axis: LoadAxis, load: float, number: int) -> Case:
    """The case at one load. Its name, hence its seed, is its own: no prompt is sent in two steps."""
    requests = case.requests
    if requests is not None and axis == "concurrency":
        requests = max(requests, _LEAST_TURNS * int(load))
    elif requests is not None and case.duration is None:
        requests = max(requests, round(_SHORTEST_RATE_STEP * load))
    return msgspec.structs.replace(
        case,
        name=f"{case.name}#{number}[{axis}={load:g}]",
        load=_at(case, axis, load),
        requests=requests,
        search=None,
        sweep=None,
    )


def _at(case: Case, axis: LoadAxis, load: float) -> ClosedLoop | OpenLoop:
    if axis == "concurrency" and isinstance(case.load, ClosedLoop):
        return replace(case.load, concurrency=int(load))
    if axis == "rate" and isinstance(case.load, OpenLoop):
        return replace(case.load, rate=float(load))
    if axis == "rate" and case.load == ClosedLoop():
        return OpenLoop(rate=float(load))
    loops = {
        "concurrency": "a closed loop (load: {concurrency: ...})",
        "rate": "an open loop (load: {rate: ...})",
    }
    raise CaseError(
        f"{case.name}: a search or sweep over {axis} needs {loops[axis]}, and the load of the case is "
        f"{case.load}: change one of them, or leave out the load"
    )
