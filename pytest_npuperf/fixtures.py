"""The fixtures: the server under test, and the one that measures it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

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
            CaseError: An argument is not valid.
            DatasetError: The dataset is missing or malformed.
            LoadError: The load generator died.
        """
        from pytest_npuperf.case import Abort, Case
        from pytest_npuperf.case_rules import bounds, faults
        from pytest_npuperf.errors import CaseError
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
def npuperf(request: pytest.FixtureRequest, npuperf_server: Served) -> Npuperf:
    """Measures the server under test: ``result = await npuperf.run(requests=200, load=ClosedLoop(4))``."""
    return Npuperf(request.config.stash[SESSION], request.node, npuperf_server)


@pytest.fixture
def npuperf_client(request: pytest.FixtureRequest, npuperf_server: Served) -> Iterator[httpx.AsyncClient]:
    """An ``httpx.AsyncClient`` of the server under test; chat completions streamed through it are measured.

    Give it to what drives the server, such as ``openai.AsyncOpenAI(http_client=npuperf_client, ...)``.
    """
    with request.config.stash[SESSION].recording(request.node, npuperf_server) as client:
        yield client
