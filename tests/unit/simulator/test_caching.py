"""A simulator that caches prompts, as its clients see it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from pytest_npuperf.simulator import Simulator

pytestmark = pytest.mark.asyncio

Start = Callable[..., Awaitable[Simulator]]
Connect = Callable[[Simulator], httpx.AsyncClient]

MS = 1_000_000
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNgYGAAAAAEAAH2FzhVAAAA"
    "AElFTkSuQmCC"
)


async def ask(http: httpx.AsyncClient, content: Any) -> dict[str, Any]:
    """The usage of an answer."""
    request = {"messages": [{"role": "user", "content": content}], "max_tokens": 1}
    usage: dict[str, Any] = (await http.post("/v1/chat/completions", json=request)).json()["usage"]
    return usage


async def test_usage_and_records_tell_what_was_cached(start: Start, client: Connect) -> None:
    simulator = await start(prefix_cache=True)
    http = client(simulator)
    usages = [await ask(http, "a" * 400), await ask(http, "a" * 400), await ask(http, "a" * 200 + "b" * 200)]
    assert [usage["prompt_tokens"] for usage in usages] == [104] * 3
    # Whole blocks of 16: of the 104 tokens, and of the frame's 4 with the 50 that are the same.
    cached = [0, 96, 48]
    assert [usage["prompt_tokens_details"]["cached_tokens"] for usage in usages] == cached
    assert [record.cached_tokens for record in simulator.records] == cached


async def test_without_the_cache_usage_says_nothing_of_it(start: Start, client: Connect) -> None:
    http = client(await start())
    await ask(http, "a" * 400)
    assert "prompt_tokens_details" not in await ask(http, "a" * 400)


async def test_reset_forgets_the_prompts(start: Start, client: Connect) -> None:
    http = client(await start(prefix_cache=True))
    await ask(http, "a" * 400)
    await http.post("/simulator/reset")
    assert (await ask(http, "a" * 400))["prompt_tokens_details"] == {"cached_tokens": 0}


async def test_a_prompt_with_an_image_is_not_cached(start: Start, client: Connect) -> None:
    http = client(await start(prefix_cache=True))
    parts = [{"type": "text", "text": "a" * 400}, {"type": "image_url", "image_url": {"url": PIXEL}}]
    for _ in range(2):
        assert (await ask(http, parts))["prompt_tokens_details"] == {"cached_tokens": 0}


async def test_tokens_that_are_cached_need_no_prefill(start: Start, client: Connect) -> None:
    simulator = await start(prefix_cache=True, prefill_rate=5000)
    http = client(simulator)
    for _ in range(2):
        await ask(http, "a" * 4000)
    computed, cached = (record.stamps[0] - record.t_received for record in simulator.records)
    assert computed >= 1004 / 5000 * 1000 * MS
    # 12 tokens are left: 2.4 ms.
    assert cached < computed
