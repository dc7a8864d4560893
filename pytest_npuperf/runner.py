"""The order of the stages for one case: plan, load, trace, summary."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from pytest_npuperf.case import Abort, Case
from pytest_npuperf.load.plan import ClosedLoop, PlannedRequest
from pytest_npuperf.load.run import LoadRun, Progress
from pytest_npuperf.metrics import (
    ClientHealth,
    NoSteady,
    Steady,
    Summary,
    client_health,
    is_precise,
    steady_stage,
    summarize,
    summarize_steady,
    turn_stages,
)
from pytest_npuperf.planning import plan_load
from pytest_npuperf.result import CaseResult
from pytest_npuperf.target import Target
from pytest_npuperf.trace import Trace
from pytest_npuperf.wire.tls_settings import TlsSettings
from pytest_npuperf.workload import shares_prefixes

__all__ = ["CaseRun", "ClientSettings", "abort_reason", "not_measured"]

_REMEDY = (
    "Give the load generator a processor of its own, lower the concurrency, or measure from another machine"
)
_PRECISION_INTERVAL = 2.0
"""Seconds between two looks at how exactly the figures are known; longer where a look takes long."""
_PRECISION_SHARE = 0.05
"""Share of the time that these looks may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """How every case of a run is measured."""

    api_key: str | None = field(default=None, repr=False)
    tls: TlsSettings = TlsSettings()
    save_text: bool = False
    health: str = "fail"
    """What becomes of a case whose client was the bottleneck: ``fail`` or ``warn``."""


class CaseRun:
    """One case while it runs.

    ``poll`` until it returns True, then ``finish``; or ``finish(stopped=True)`` at any time.
    ``close`` in the end, whatever happened.
    """

    def __init__(
        self,
        case: Case,
        target: Target,
        *,
        nodeid: str,
        log: Path,
        note: Callable[[str], None],
        client: ClientSettings,
    ) -> None:
        self._case = case
        self._nodeid = nodeid
        self._asked_model = str(case.extra_body.get("model", target.model))
        self._listed_models = target.listed
        self._note = note
        self._client = client
        self._started = datetime.now().astimezone().isoformat(timespec="milliseconds")
        self._aborted = ""
        self._next_look = time.monotonic() + _PRECISION_INTERVAL
        self._looking = False
        plan, requests = plan_load(
            case, target, keep_text=client.save_text, request_id_prefix=f"npuperf-{uuid4().hex[:12]}"
        )
        self._of_planned = "" if plan.requests is None else f" of {plan.requests}"
        bounds = ["requests" if plan.requests is None else f"{plan.requests} requests"]
        if case.duration is not None:
            bounds.append(f"within {case.duration:g} s")
        note(
            f"{case.name}: {' '.join(bounds)} and {plan.warmup} for warmup to {target.base_url}, {case.load}"
        )
        self._bodies = sha256() if plan.requests is not None else None
        self._prompts_hash = ""
        self._load = LoadRun(plan, self._hashed(requests), log=log, api_key=client.api_key)

    def _hashed(self, requests: Iterator[PlannedRequest]) -> Iterator[PlannedRequest]:
        for request in requests:
            if self._bodies is not None:
                self._bodies.update(request.body)
            yield request
        # of a load that has no last request, or ended long before it, how many are made ahead is chance
        if self._bodies is not None:
            self._prompts_hash = self._bodies.hexdigest()[:16]

    def poll(self) -> bool:
        """Take in what has arrived; True once the load is over.

        Raises:
            LoadError: The load generator died.
            DatasetError: The dataset has come to its end.
        """
        over = self._load.poll()
        # also of a load that is over: it may have broken a rule and ended since the last look
        self._abort_if_broken()
        if not over:
            self._end_if_precise()
        return over

    def progress(self) -> Progress:
        """Where the load stands."""
        return self._load.progress()

    def enough(self) -> None:
        """Send nothing more that is measured; what is under way is waited for."""
        self._load.enough()

    def finish(self, *, stopped: bool = False) -> CaseResult:
        """The result of what was measured; a load that still runs is ended."""
        if stopped:
            self._load.stop()
        case = self._case
        trace = self._load.trace()
        concurrency = case.load.concurrency
        summary = summarize(trace, max_concurrency=concurrency)
        scheduled = not isinstance(case.load, ClosedLoop)
        health = client_health(
            trace, self._load.usage(), scheduled=scheduled, bounded=scheduled and concurrency is not None
        )
        self._log_outcome(summary, health, stopped)
        steady = self._steady_stage(trace) if case.steady else None
        return CaseResult(
            name=case.name,
            nodeid=self._nodeid,
            settings=case.described(),
            started=self._started,
            stopped=stopped,
            aborted=self._aborted,
            sent=self._load.progress().sent,
            asked_models=(self._asked_model,),
            listed_models=self._listed_models,
            prompts_hash=self._prompts_hash,
            trace=trace,
            summary=summary,
            health=health,
            stages=_stages(trace, steady, concurrency),
            warmup_window=self._load.warmup_window(trace),
            steady_window=steady.window if isinstance(steady, Steady) else None,
            steady_rows=steady.rows if isinstance(steady, Steady) else None,
            no_steady="" if steady is None or isinstance(steady, Steady) else steady.reason,
            cache_expected=shares_prefixes(case.dataset),
            not_measured=not_measured(health, self._client, remedy=_REMEDY),
        )

    def close(self) -> None:
        """End the load generator and remove what it left."""
        self._load.close()

    def _steady_stage(self, trace: Trace) -> Steady | NoSteady:
        load = self._case.load
        # clients that think may never all be in flight at once
        always_full = isinstance(load, ClosedLoop) and not load.think_time
        return steady_stage(trace, max_concurrency=load.concurrency, open_loop=not always_full)

    def _abort_if_broken(self) -> None:
        if self._aborted:
            return
        self._aborted = abort_reason(self._case.abort, self._load.progress())
        if self._aborted:
            self._note(f"{self._case.name}: aborted: {self._aborted}")
            self._load.stop()

    def _end_if_precise(self) -> None:
        now = time.monotonic()
        if not self._case.until or now < self._next_look:
            return
        if not self._looking:
            self._load.ask_for_snapshot()
            self._looking = True
            return
        trace = self._load.snapshot()
        if trace is None:
            return
        self._looking = False
        if all(is_precise(precision, trace) for precision in self._case.until):
            self._note(f"{self._case.name}: precise enough after {len(trace)} requests")
            self._load.enough()
        took = time.monotonic() - now
        self._next_look = now + max(_PRECISION_INTERVAL, took / _PRECISION_SHARE)

    def _log_outcome(self, summary: Summary, health: ClientHealth, stopped: bool) -> None:
        how = "stopped" if stopped else "finished"
        self._note(
            f"{self._case.name}: {how} after {summary.total_requests}{self._of_planned} requests, "
            f"{summary.failed_requests} failed {summary.errors or ''}".rstrip()
        )
        reasons = "".join(f"; {reason}" for reason in health.reasons)
        self._note(f"{self._case.name}: client {health.state}{reasons}")


def abort_reason(abort: Abort, progress: Progress) -> str:
    """Why a load is to be given up, or was to be at any moment until now; '' where it is not."""
    done, failed = progress.peak_done, progress.peak_failed
    if abort.server_gone and progress.refused_in_a_row >= abort.server_gone:
        return f"the server is gone: {progress.refused_in_a_row} connections in a row could not be opened"
    if abort.consecutive_failures and progress.failed_in_a_row >= abort.consecutive_failures:
        return f"{progress.failed_in_a_row} requests in a row failed"
    if abort.failure_rate is not None and done and failed > abort.failure_rate * done:
        return f"{failed} of {done} requests failed, more than {abort.failure_rate:.1%}"
    return ""


def _stages(
    trace: Trace, steady: Steady | NoSteady | None, max_concurrency: int | None
) -> tuple[Summary, ...]:
    stages = turn_stages(trace, max_concurrency=max_concurrency)
    if isinstance(steady, Steady):
        stages = (summarize_steady(trace, steady, max_concurrency=max_concurrency), *stages)
    return stages


def not_measured(health: ClientHealth, client: ClientSettings, *, remedy: str) -> str:
    """Why figures are not the server's and what to do about it, '' where they are or may be reported."""
    if health.state != "invalid" or client.health != "fail":
        return ""
    return (
        f"not measured: client-bound: {'; '.join(health.reasons)}. {remedy}; "
        "--npuperf-client-health=warn reports the figures all the same."
    )
