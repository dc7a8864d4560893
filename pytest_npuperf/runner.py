"""The order of the stages for one case: prompts, plan, load, trace, summary."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from uuid import uuid4

from pytest_npuperf.adapter import Served
from pytest_npuperf.case import Case
from pytest_npuperf.load.plan import LoadPlan
from pytest_npuperf.load.run import LoadRun, Progress
from pytest_npuperf.metrics import ClientHealth, Summary, client_health, summarize
from pytest_npuperf.result import CaseResult
from pytest_npuperf.wire.chat import request_body
from pytest_npuperf.wire.tls_settings import TlsSettings
from pytest_npuperf.workload import prompts

__all__ = ["CaseRun", "ClientSettings", "not_measured"]

_REMEDY = (
    "Give the load generator a processor of its own, lower the concurrency, or measure from another machine"
)


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
        served: Served,
        *,
        nodeid: str,
        log: Path,
        note: Callable[[str], None],
        client: ClientSettings,
    ) -> None:
        self._case = case
        self._served = served
        self._nodeid = nodeid
        self._note = note
        self._client = client
        self._started = datetime.now().astimezone().isoformat(timespec="milliseconds")
        plan = LoadPlan(
            base_url=served.base_url,
            load=case.load,
            warmup=case.warmup,
            requests=case.requests,
            timeouts=case.timeouts,
            tls=client.tls,
            keep_text=client.save_text,
            request_id_prefix=f"npuperf-{uuid4().hex[:12]}",
        )
        note(
            f"{case.name}: {case.requests} requests and {case.warmup} for warmup "
            f"to {served.base_url}, concurrency {case.load.concurrency}"
        )
        self._load = LoadRun(plan, self._bodies(), log=log, api_key=client.api_key)

    def _bodies(self) -> Iterator[bytes]:
        """Warmup comes first, so no prompt of it is sent again; nor is one of another case.

        The server's prefix cache would answer a repeated prompt early.
        """
        case = self._case
        stream = prompts(case.dataset, seed=f"{case.seed}/{case.name}", max_tokens=case.max_tokens)
        for prompt in islice(stream, case.warmup + case.requests):
            yield request_body(prompt.messages, model=self._served.model, max_tokens=prompt.max_tokens)

    def poll(self) -> bool:
        """Take in what has arrived; True once the load is over.

        Raises:
            LoadError: The load generator died.
        """
        return self._load.poll()

    def progress(self) -> Progress:
        """Where the load stands."""
        return self._load.progress()

    def finish(self, *, stopped: bool = False) -> CaseResult:
        """The result of what was measured; a load that still runs is ended."""
        if stopped:
            self._load.stop()
        trace = self._load.trace()
        summary = summarize(trace, max_concurrency=self._case.load.concurrency)
        health = client_health(trace, self._load.usage())
        self._log_outcome(summary, health, stopped)
        return CaseResult(
            name=self._case.name,
            nodeid=self._nodeid,
            settings=self._case.described(),
            started=self._started,
            stopped=stopped,
            trace=trace,
            summary=summary,
            health=health,
            not_measured=not_measured(health, self._client, remedy=_REMEDY),
        )

    def close(self) -> None:
        """End the load generator and remove what it left."""
        self._load.close()

    def _log_outcome(self, summary: Summary, health: ClientHealth, stopped: bool) -> None:
        case = self._case
        how = "stopped" if stopped else "finished"
        self._note(
            f"{case.name}: {how} after {summary.total_requests} of {case.requests} requests, "
            f"{summary.failed_requests} failed {summary.errors or ''}".rstrip()
        )
        self._note(f"{case.name}: client {health.state}{''.join(f'; {reason}' for reason in health.reasons)}")


def not_measured(health: ClientHealth, client: ClientSettings, *, remedy: str) -> str:
    """Why figures are not the server's and what to do about it, '' where they are or may be reported."""
    if health.state != "invalid" or client.health != "fail":
        return ""
    return (
        f"not measured: client-bound: {'; '.join(health.reasons)}. {remedy}; "
        "--npuperf-client-health=warn reports the figures all the same."
    )
