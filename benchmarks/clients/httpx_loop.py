"""Stock httpx: its connection limits lifted, JSON decoded in the loop, stamps in user space."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from benchmarks.client import Load
from benchmarks.clients.closed_loop import run


async def main(load: Load) -> None:
    """Run a load."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(limits=limits, timeout=None, trust_env=False) as client:

        @asynccontextmanager
        async def lines(number: int) -> AsyncIterator[AsyncIterator[str]]:
            url = f"{load.base_url}/v1/chat/completions"
            async with client.stream("POST", url, json=load.fields(number)) as response:
                response.raise_for_status()
                yield response.aiter_lines()

        await run(load, lines)


if __name__ == "__main__":
    asyncio.run(main(Load.read(sys.argv[1])))
