"""Waiting until a server answers as performance evaluation needs it."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import httpx

from pytest_npuperf.adapter.probing import Prober, Served
from pytest_npuperf.errors import DeployError, NotReadyError, SettingsError

__all__ = ["wait_until_ready"]

_TICK = 0.25

Result = TypeVar("Result")


def wait_until_ready(
    base_url: str,
    *,
    model: str | None,
    api_key: str | None,
    timeout: float,
    notify: Callable[[str], None],
    ended: Callable[[], str | None],
    tls: ssl.SSLContext | None = None,
) -> Served:
    """Wait until the server has streamed one short answer to its end.

    Args:
        base_url: ``http://host:port`` or ``https://host/prefix``, without ``/v1`` or a slash at its end.
        model: The name to ask for. Where the server lists others but not this one, or this is
            None, the first it lists is used.
        api_key: Sent as a bearer token, and left out of every text.
        timeout: Seconds to wait.
        notify: Called about once a second with what the wait is at.
        ended: Gives a text once the server's processes are gone, None before.
        tls: Whom to trust on https; the system's authorities where it is left out.

    Raises:
        SettingsError: The URL or the key cannot be used.
        DeployError: ``ended`` gave a text, which is the message.
        NotReadyError: The time is over, or the server answers in a way that waiting cannot cure.
    """
    headers = {"Accept-Encoding": "identity"}
    if api_key:
        headers["Authorization"] = f"Bearer {_checked_key(api_key)}"

    async def wait() -> Served:
        # Proxy variables and a .netrc are for other servers than the one under test.
        async with httpx.AsyncClient(
            headers=headers, trust_env=False, verify=tls or ssl.create_default_context()
        ) as client:
            return await _watch(Prober(client, base_url, api_key), base_url, model, timeout, notify, ended)

    return _run(wait())


async def _watch(
    prober: Prober,
    url: str,
    model: str | None,
    timeout: float,
    notify: Callable[[str], None],
    ended: Callable[[], str | None],
) -> Served:
    ready = asyncio.ensure_future(prober.until_ready(model))
    started = time.perf_counter()
    notified = -1
    try:
        while not (await asyncio.wait({ready}, timeout=_TICK))[0]:
            end = ended()
            if end is not None:
                raise DeployError(end)
            elapsed = time.perf_counter() - started
            if elapsed >= timeout:
                raise NotReadyError(
                    f"{url} was not ready after {elapsed:.0f} s (--npuperf-ready-timeout): {prober.state}."
                )
            if int(elapsed) > notified:
                notified = int(elapsed)
                notify(f"waiting for {url}: {notified} s, {prober.state}")
        return ready.result()
    finally:
        ready.cancel()
        await asyncio.wait({ready})


def _checked_key(api_key: str) -> str:
    if not (api_key.isascii() and api_key.isprintable()) or " " in api_key:
        raise SettingsError(
            "the API key holds a space, a line end or another character that an HTTP header cannot carry: "
            "check NPUPERF_API_KEY or --npuperf-api-key."
        )
    return api_key


def _run(wait: Coroutine[Any, Any, Result]) -> Result:
    """Run in a loop of its own, and cancel what is left on any exception, also Ctrl-C.

    Unlike ``asyncio.run`` it leaves the thread's current event loop, which belongs to others, alone.
    """
    loop = asyncio.new_event_loop()
    task = loop.create_task(wait)
    try:
        return loop.run_until_complete(task)
    finally:
        if not task.done():
            task.cancel()
            loop.run_until_complete(asyncio.wait({task}))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
