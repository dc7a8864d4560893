from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest_asyncio

from pytest_npuperf.simulator import Simulator, SimulatorSettings


@pytest_asyncio.fixture
async def start() -> AsyncIterator[Callable[..., Awaitable[Simulator]]]:
    """Starts simulators that are fast where the test does not say otherwise."""
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> Simulator:
            simulator = Simulator(SimulatorSettings(**{"port": 0, "ttft": 0, "itl": 0, **settings}))
            await simulator.start()
            stack.push_async_callback(simulator.stop)
            return simulator

        yield start


@pytest_asyncio.fixture
async def client() -> AsyncIterator[Callable[[Simulator], httpx.AsyncClient]]:
    """Makes a client of a simulator; it is closed before the simulator stops."""
    async with AsyncExitStack() as stack:

        def client(simulator: Simulator) -> httpx.AsyncClient:
            made = httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{simulator.port}", trust_env=False, timeout=30
            )
            stack.push_async_callback(made.aclose)
            return made

        yield client
