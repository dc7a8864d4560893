"""The loop that drives an HTTP library as most load generators do: JSON and stamps where it reads.

Standard library only: it runs in the environment of the library under measurement.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from benchmarks.client import Load, Measured, read_own_usage, write_own_usage
from benchmarks.figures import statistics_of

__all__ = ["Lines", "read", "run"]

Lines = Callable[[int], AbstractAsyncContextManager[AsyncIterable[str]]]
"""Sends request i; gives the lines of its answer."""

_Answer = tuple[int, list[int]]
"""When the request was sent, and the stamps of the chunks with content; monotonic ns."""

_ANSWERS = "answers.jsonl"


async def run(load: Load, lines: Lines) -> None:
    """Send the warm-up, then the requests that count; leave their stamps in the load's directory."""
    answers: list[_Answer] = []
    await _send_all(load.streams, range(load.warmup), lines, [])
    await _send_all(load.streams, range(load.warmup, load.warmup + load.requests), lines, answers)
    cpu_at_load_end = time.process_time()
    _write(load, answers)
    write_own_usage(load, cpu_at_load_end=cpu_at_load_end)


def read(load: Load) -> Measured:
    """The figures of the stamps that ``run`` left."""
    rows = [json.loads(line) for line in Path(load.directory, _ANSWERS).read_text().splitlines()]
    whole = [(sent, stamps) for sent, stamps in rows if len(stamps) == load.tokens]
    return Measured(len(whole), statistics_of(whole), **read_own_usage(load))


def _write(load: Load, answers: list[_Answer]) -> None:
    with Path(load.directory, _ANSWERS).open("w") as file:
        file.writelines(f"{json.dumps(answer)}\n" for answer in answers)


async def _send_all(streams: int, requests: range, lines: Lines, answers: list[_Answer]) -> None:
    numbers = iter(requests)
    await asyncio.gather(*(_stream(numbers, lines, answers) for _ in range(streams)))


async def _stream(numbers: Iterator[int], lines: Lines, answers: list[_Answer]) -> None:
    for number in numbers:
        stamps: list[int] = []
        sent = time.monotonic_ns()
        async with lines(number) as answer:
            async for line in answer:
                stamp = time.monotonic_ns()
                if line.startswith("data: {") and _has_content(json.loads(line[6:])):
                    stamps.append(stamp)
        answers.append((sent, stamps))


def _has_content(event: dict[str, list[dict[str, dict[str, str]]]]) -> bool:
    return any(choice["delta"].get("content") for choice in event["choices"])
