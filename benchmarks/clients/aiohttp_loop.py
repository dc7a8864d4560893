"""Stock aiohttp: its connection limit lifted, JSON decoded in the loop, stamps in user space."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks.client import Load
from benchmarks.clients.closed_loop import run


async def main(load: Load) -> None:
    """Run a load."""
    import aiohttp  # type: ignore[import-not-found,unused-ignore]

    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:

        @asynccontextmanager
        async def lines(number: int) -> AsyncIterator[AsyncIterator[str]]:
            url = f"{load.base_url}/v1/chat/completions"
            async with session.post(url, json=load.fields(number), raise_for_status=True) as response:
                yield (line.decode() async for line in response.content)

        await run(load, lines)


if __name__ == "__main__":
    asyncio.run(main(Load.read(sys.argv[1])))
