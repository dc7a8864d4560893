"""The fixtures: the server under test, and the one that measures it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from pytest_npuperf.cases import own_case
from pytest_npuperf.errors import BaselineError, CaseError
from pytest_npuperf.session import RESULTS, SESSION, PerfSession
from pytest_npuperf.terminal import progress_text

if TYPE_CHECKING:
    import httpx

    from pytest_npuperf.adapter import Served
    from pytest_npuperf.capacity.settings import Search, Sweep
    from pytest_npuperf.case import Abort, Case
    from pytest_npuperf.load.plan import Cancel, ClosedLoop, OpenLoop, Replay
    from pytest_npuperf.measuring import Measuring
    from pytest_npuperf.result import CaseResult
    from pytest_npuperf.slo import Budget
    from pytest_npuperf.wire.timeouts import Timeouts
    from pytest_npuperf.workload import Dataset

__all__ = ["Npuperf", "npuperf", "npuperf_client", "npuperf_server"]

_POLL_INTERVAL = 0.05


class Npuperf:
    """Measures cases against the server under test, one after the other."""

    def __init__(self, session: PerfSession, item: pytest.Item, served: Served) -> None:
        self._session = session
        self._item = item
        self._served = served

    async def run(
        self,
        *,
        dataset: Dataset | str | dict[str, Any] = "gsm8k",
        load: ClosedLoop | OpenLoop | Replay | None = None,
        requests: int | None = None,
        duration: float | None = None,
        warmup: int | None = None,
        cooldown: int = 0,
        max_tokens: int = 512,
        timeouts: Timeouts | None = None,
        cancel: Cancel | None = None,
        abort: Abort | None = None,
        until: Mapping[str, str] | None = None,
        search: Search | None = None,
        sweep: Sweep | None = None,
        steady: bool = False,
        extra_body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        seed: int | None = None,
    ) -> CaseResult:
        """Measure one case; the arguments are those of ``npuperf.yaml``.

        Args:
            dataset: What to send; a relative path starts at the directory of the test file.
            load: When to send it; one virtual client where it is left out.
            requests: At most how many measured requests are sent; 8 where neither this nor
                ``duration`` is given and the load has no end of its own.
            duration: Seconds within which measured requests are sent.
            warmup: Requests sent before, which do not count; left out, as many as a closed loop has
                clients, 1 before an open loop, none before a replayed trace.
            cooldown: Requests sent while the last measured ones end, which do not count.
            max_tokens: Ceiling of the output length.
            timeouts: Limits of one request.
            cancel: Which requests the client gives up, and when.
            abort: When the load is given up; after 10 refused connections in a row where left out.
            until: Ends the load once these figures are known so exactly: ``{"ttft.p99": "5 %"}``.
            search: Find the largest load that keeps budgets.
            sweep: Measure at several loads, one after the other.
            steady: Whether the steady stage is reported beside the total.
            extra_body: More fields of every request, or other values.
            headers: More headers of every request.
            seed: Seed of prompts and schedule; ``--npuperf-seed`` where it is left out.

        Raises:
            CaseError: An argument is not valid, or a budget of the item is on a stage that the case lacks.
            DatasetError: The dataset is missing or malformed.
            BaselineError: A budget of the item cannot be held against its baseline.
            LoadError: The load generator died.
        """
        from pytest_npuperf.case import Abort, Case
        from pytest_npuperf.case_rules import bounds, faults
        from pytest_npuperf.load.plan import ClosedLoop
        from pytest_npuperf.slo.precision import parse_precision
        from pytest_npuperf.wire.timeouts import Timeouts
        from pytest_npuperf.workload import parse_dataset

        load = load or ClosedLoop()
        requests, duration = bounds(requests, duration, load, until=bool(until))
        case = Case(
            name=self._session.next_name(self._item),
            dataset=parse_dataset(dataset, base=self._item.path.parent),
            load=load,
            requests=requests,
            duration=duration,
            warmup=warmup,
            cooldown=cooldown,
            max_tokens=max_tokens,
            timeouts=timeouts or Timeouts(),
            cancel=cancel,
            abort=abort or Abort(),
            until=tuple(parse_precision(figure, share) for figure, share in (until or {}).items()),
            search=search,
            sweep=sweep,
            steady=steady,
            extra_body=dict(extra_body or {}),
            headers=dict(headers or {}),
            seed=seed,
        )
        fault = next(faults(case), None)
        if fault is not None:
            raise CaseError(f"{case.name}: {fault.key}: {fault.what}")
        _check_case(self._session, self._item, case)
        with self._session.measuring(case, self._item, self._served) as run:
            # the load is in another process: there is no event of this loop to wait for
            while not self._step(case, run):  # noqa: ASYNC110
                await asyncio.sleep(_POLL_INTERVAL)
        return self._item.stash[RESULTS][-1]

    def run_case(self, case: Case) -> None:
        """Measure a case that was read from a file."""
        with self._session.measuring(case, self._item, self._served) as run:
            while not self._step(case, run):
                time.sleep(_POLL_INTERVAL)

    def _step(self, case: Case, run: Measuring) -> bool:
        over = run.poll()
        if not over:
            self._session.live.show(progress_text(case.name, run.progress()))
        return over


@pytest.fixture(scope="session")
def npuperf_server(request: pytest.FixtureRequest) -> Iterator[Served]:
    """The server under test, ready for requests: ``base_url``, ``model`` and what it lists.

    It is deployed for the first test that asks for it (``--npuperf-model``) or runs already
    (``--npuperf-base-url``); without either, tests that ask for it are skipped.
    """
    session = request.config.stash[SESSION]
    if not session.settings.has_target:
        pytest.skip("no server to measure: pass --npuperf-model=PATH or --npuperf-base-url=URL")
    with session.serving() as served:
        yield served


@pytest.fixture
def npuperf(request: pytest.FixtureRequest) -> Npuperf:
    """Measures the server under test: ``result = await npuperf.run(requests=200, load=ClosedLoop(4))``."""
    session, item = request.config.stash[SESSION], request.node
    _check_case(session, item, own_case(item))
    return Npuperf(session, item, _server(request))


@pytest.fixture
def npuperf_client(request: pytest.FixtureRequest) -> Iterator[httpx.AsyncClient]:
    """An ``httpx.AsyncClient`` of the server under test; chat completions streamed through it are measured.

    Give it to what drives the server, such as ``openai.AsyncOpenAI(http_client=npuperf_client, ...)``.
    """
    session, item = request.config.stash[SESSION], request.node
    _check_recorded(session, item)
    with session.recording(item, _server(request)) as client:
        yield client


def _server(request: pytest.FixtureRequest) -> Served:
    """The server: no argument of the fixtures, so that what is wrong with an item is told before it is up."""
    served: Served = request.getfixturevalue("npuperf_server")
    return served


def _check_case(session: PerfSession, item: pytest.Item, case: Case | None) -> None:
    """Tell what is known to be wrong without the server: before it is up, or before a load begins.

    Args:
        session: Of the run.
        item: What measures.
        case: What it measures next; None where that is not known yet.

    Raises:
        CaseError: A budget is on a stage that the case lacks, or the case cannot be measured by turns.
        DatasetError: The dataset is missing or malformed.
        BaselineError: A budget cannot be held against its baseline.
    """
    if not session.settings.has_target:
        return
    from pytest_npuperf.case_rules import missing_stage
    from pytest_npuperf.measuring import check_pairs
    from pytest_npuperf.planning import check_prompts

    budgets = [budget for budget in session.budgets(item, case) if not budget.advisory]
    if case is not None:
        for budget in budgets:
            what = missing_stage(case, budget.stage)
            if what:
                raise CaseError(f"{case.name}: budget {budget.expression!r}: {what}")
        if session.settings.ab is not None:
            check_pairs(case)
        check_prompts(session.seeded(case))
    _check_baselines(session, item, case, [budget for budget in budgets if budget.relative is not None])


def _check_recorded(session: PerfSession, item: pytest.Item) -> None:
    """As ``_check_case``, of what a test sends itself."""
    _check_case(session, item, None)
    for budget in session.budgets(item):
        if session.settings.has_target and budget.stage != "total" and not budget.advisory:
            raise CaseError(
                f"{item.name}: budget {budget.expression!r}: what goes through npuperf_client has no stage "
                "but the total: bound a figure of it, or measure with npuperf.run(...)"
            )


def _check_baselines(
    session: PerfSession, item: pytest.Item, case: Case | None, budgets: Sequence[Budget]
) -> None:
    if not budgets or session.settings.save_baseline is not None:  # a run to be saved may be what is missing
        return
    from pytest_npuperf.baselines import fingerprint
    from pytest_npuperf.slo.against_baseline import why_it_cannot_hold

    # of a search or a sweep, nobody knows yet at which load
    is_known = case is not None and case.search is None and case.sweep is None
    made_with = fingerprint({}, {}, case.described()) if case is not None and is_known else {}
    name = session.next_name(item) if case is None else case.name
    judging = session.judging_with(session.baselines.of_case(name, item.nodeid, lambda: made_with))
    for budget in budgets:
        assert budget.relative is not None
        if session.settings.ab is not None and budget.relative.baseline is None:
            continue  # it is held against A
        what = why_it_cannot_hold(budget, judging)
        if what:
            raise BaselineError(f"{name}: budget {budget.expression!r}: {what}")
