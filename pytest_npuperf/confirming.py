"""A load that is measured again where chance may have decided, and several measurements as one result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from hashlib import sha256

import msgspec

from pytest_npuperf.case import Case
from pytest_npuperf.errors import LoadError
from pytest_npuperf.load.run import Progress
from pytest_npuperf.metrics import (
    Summary,
    pooled_health,
    pooled_rows,
    pooled_steady,
    pooled_trace,
    pooled_turn_stages,
    summarize,
)
from pytest_npuperf.result import CaseResult
from pytest_npuperf.runner import CaseRun
from pytest_npuperf.trace import Ints, Trace

__all__ = ["Confirming", "pooled_result"]


class Confirming:
    """A case at one load that is measured again while a verdict is unsettled; used as ``CaseRun`` is.

    A measurement that is to confirm the first counts only where it came to its end and the client
    kept up: its requests are left out else. That the case's own rule gave it up is no chance,
    so the case is then aborted.

    Args:
        case: At one load.
        start: Starts measuring a case.
        confirmations: How often it is measured again, at most.
        is_unsettled: Whether what has been measured until now leaves a verdict open.
        note: Takes a line for the log.
    """

    def __init__(
        self,
        case: Case,
        start: Callable[[Case], CaseRun],
        *,
        confirmations: int,
        is_unsettled: Callable[[CaseResult], bool],
        note: Callable[[str], None],
    ) -> None:
        self._case = case
        self._start = start
        self._confirmations = confirmations
        self._is_unsettled = is_unsettled
        self._note = note
        self._confirmed = 0
        self._measured: list[CaseResult] = []
        self._result: CaseResult | None = None
        self._run: CaseRun | None = start(case)

    def poll(self) -> bool:
        """Take in what has arrived, and go on to the next measurement; True once there is none.

        Raises:
            LoadError: The load generator died.
            DatasetError: The dataset has come to its end.
        """
        if self._run is None:
            return True
        if not self._run.poll():
            return False
        result = self._take(self._run)
        if self._confirmed == self._confirmations or _flaw(result) or not self._is_unsettled(result):
            return True
        self._measure_again()
        return False

    def progress(self) -> Progress:
        """Where the load of the present measurement stands."""
        assert self._run is not None
        return self._run.progress()

    def finish(self, *, stopped: bool = False) -> CaseResult:
        """The result under the case's own name, all measurements pooled; a load that still runs is ended."""
        if stopped and self._run is not None:
            try:
                self._take(self._run, stopped=True)
            except LoadError:
                # this measurement has no result, but one before it may have: the reason is on its way already
                if self._result is None:
                    raise
        assert self._result is not None
        return replace(self._result, stopped=stopped or self._result.stopped)

    def close(self) -> None:
        """End the load generator and remove what it left."""
        if self._run is not None:
            self._run.close()

    def _measure_again(self) -> None:
        self._confirmed += 1
        self._note(
            f"{self._case.name}: too close to tell, so it is measured again with other prompts "
            f"({self._confirmed} of {self._confirmations})"
        )
        # the seed follows from the name: no prompt is sent twice
        name = f"{self._case.name}#{self._confirmed + 1}"
        self._run = self._start(msgspec.structs.replace(self._case, name=name))

    def _take(self, run: CaseRun, *, stopped: bool = False) -> CaseResult:
        """What has been measured until now, the run that has ended included."""
        result = run.finish(stopped=stopped)
        run.close()
        self._run = None
        self._result = self._with(result)
        return self._result

    def _with(self, result: CaseResult) -> CaseResult:
        if self._result is None:
            self._measured.append(result)
            return result
        flaw = _flaw(result) or _lost_stage(self._result, result)
        if flaw:
            self._note(f"{self._case.name}: what was measured again is left out: {flaw}")
            aborted = f"when it was measured again: {result.aborted}" if result.aborted else ""
            return replace(self._result, aborted=aborted)
        self._measured.append(result)
        pooled = pooled_result(self._measured)
        self._note(f"{self._case.name}: {len(self._measured)} measurements, {len(pooled.trace)} requests")
        return pooled


def pooled_result(results: Sequence[CaseResult]) -> CaseResult:
    """Measurements of the same load, at least one, as one result with the first one's name and settings.

    Each is in ``measurements``, with its own windows. ``warmup_window`` and ``steady_window`` are those of
    the first alone, which are the only ones that have their place on the pooled time axis; rows and
    figures of the steady stage are those of all. There is none where any measurement has none.
    """
    first, traces = results[0], [result.trace for result in results]
    trace = pooled_trace(traces)
    max_concurrency = first.summary.max_concurrency
    rows = _pooled_steady_rows(results)
    steady = () if rows is None else (_pooled_steady(results, trace, rows),)
    return replace(
        first,
        stopped=any(result.stopped for result in results),
        trace=trace,
        summary=summarize(trace, max_concurrency=max_concurrency),
        health=pooled_health([result.health for result in results]),
        stages=(*steady, *pooled_turn_stages(traces, max_concurrency=max_concurrency)),
        steady_window=None if rows is None else first.steady_window,
        steady_rows=rows,
        no_steady=_no_steady(results),
        cache_expected=any(result.cache_expected for result in results),
        not_measured=_first_of(result.not_measured for result in results),
        aborted=_first_of(result.aborted for result in results),
        prompts_hash=_hash_of([result.prompts_hash for result in results]),
        measurements=tuple(results),
        verdicts=[],
    )


def _flaw(result: CaseResult) -> str:
    """Why a measurement needs no confirmation and confirms no other; '' where it may."""
    if result.stopped:
        return "it was stopped before its end"
    if result.aborted:
        return f"it was aborted: {result.aborted}"
    if result.health.state == "invalid":
        return f"the client was the bottleneck: {'; '.join(result.health.reasons)}"
    return ""


def _lost_stage(first: CaseResult, second: CaseResult) -> str:
    """Why two measurements together would say less than the first alone, '' where they do not."""
    if first.steady_rows is not None and second.steady_rows is None:
        return f"it has no steady stage: {second.no_steady}"
    return ""


def _pooled_steady_rows(results: Sequence[CaseResult]) -> Ints | None:
    rows = [result.steady_rows for result in results if result.steady_rows is not None]
    if len(rows) < len(results):
        return None
    return pooled_rows([result.trace for result in results], rows)


def _pooled_steady(results: Sequence[CaseResult], trace: Trace, rows: Ints) -> Summary:
    stages = [stage for result in results for stage in result.stages if stage.stage == "steady"]
    return pooled_steady(stages, trace.select(rows))


def _no_steady(results: Sequence[CaseResult]) -> str:
    """The first reason, and of which measurement it speaks where there are several."""
    for number, result in enumerate(results, 1):
        if result.no_steady:
            where = f"measurement {number} of {len(results)}: " if len(results) > 1 else ""
            return f"{where}{result.no_steady}"
    return ""


def _first_of(reasons: Iterable[str]) -> str:
    return next(filter(None, reasons), "")


def _hash_of(hashes: Sequence[str]) -> str:
    """One for all that was sent; that of a single measurement itself."""
    if len(hashes) == 1:
        return hashes[0]
    return sha256("".join(hashes).encode()).hexdigest()[:16] if all(hashes) else ""
