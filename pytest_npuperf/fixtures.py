"""The fixtures: the server under test, and the one that measures it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_npuperf.session import RESULTS, SESSION, PerfSession
from pytest_npuperf.terminal import progress_text

if TYPE_CHECKING:
    import httpx

    from pytest_npuperf.adapter import Served
    from pytest_npuperf.case import Case
    from pytest_npuperf.load.plan import ClosedLoop
    from pytest_npuperf.result import CaseResult
    from pytest_npuperf.runner import CaseRun
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
        load: ClosedLoop | None = None,
        requests: int = 8,
        max_tokens: int = 512,
        warmup: int = 1,
        timeouts: Timeouts | None = None,
        seed: int | None = None,
    ) -> CaseResult:
        """Measure one case; the arguments are those of ``npuperf.yaml``.

        Args:
            dataset: What to send; a relative path starts at the directory of the test file.
            load: When to send it; one virtual client where it is left out.
            requests: How many measured requests are sent.
            max_tokens: Ceiling of the output length.
            warmup: Requests sent before, which do not count.
            timeouts: Limits of one request.
            seed: Seed of the prompts; ``--npuperf-seed`` where it is left out.

        Raises:
            CaseError: An argument is not valid.
            DatasetError: The dataset is missing or malformed.
            LoadError: The load generator died.
        """
        from pytest_npuperf.case import Case
        from pytest_npuperf.load.plan import ClosedLoop
        from pytest_npuperf.wire.timeouts import Timeouts
        from pytest_npuperf.workload import parse_dataset

        case = Case(
            name=self._session.next_name(self._item),
            dataset=parse_dataset(dataset, base=self._item.path.parent),
            load=load or ClosedLoop(),
            requests=requests,
            max_tokens=max_tokens,
            warmup=warmup,
            timeouts=timeouts or Timeouts(),
            seed=seed,
        )
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

    def _step(self, case: Case, run: CaseRun) -> bool:
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
