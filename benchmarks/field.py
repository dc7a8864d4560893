"""The clients of a run, and why the others are not in it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.client import Client, Load, Measured
from benchmarks.clients import aiperf, closed_loop, floor, guidellm, npuperf, vllm_bench

__all__ = ["CLIENTS", "FLOOR", "OURS", "TOOLS", "Places", "find_client"]

OURS = "pytest-npuperf"
FLOOR = "floor"
TOOLS: Mapping[str, tuple[Callable[..., list[str]], Callable[[Load], Measured]]] = {
    "vllm": (vllm_bench.command, vllm_bench.read),
    "aiperf": (aiperf.command, aiperf.read),
    "guidellm": (guidellm.command, guidellm.read),
}
"""How to run and read the peers that are whole programs."""

CLIENTS = (OURS, "httpx", "aiohttp", *TOOLS, FLOOR)


@dataclass(frozen=True, slots=True)
class Places:
    """Where the user has what the clients need."""

    venvs: Mapping[str, Path]
    """Virtual environments by client."""
    tokenizer: Path | None
    floor_command: str | None


def find_client(name: str, places: Places) -> Client:
    """A client that can be run.

    Raises:
        LookupError: What it needs is not there; says how to give it.
    """
    if name == OURS:
        return Client(name, "", partial(_module, sys.executable, "npuperf"), npuperf.read)
    if name == FLOOR:
        if places.floor_command is None:
            raise LookupError("no command was given: --floor-command")
        return Client(name, "", partial(floor.command, template=places.floor_command), floor.read)
    if name == "httpx":
        version = _version(sys.executable, name)
        return Client(name, version, partial(_module, sys.executable, "httpx_loop"), closed_loop.read)
    venv = places.venvs.get(name)
    if venv is None:
        raise LookupError(f"no environment was given: --venv {name}=DIR")
    python = str(venv.absolute() / "bin/python")
    version = _version(python, name)
    if name == "aiohttp":
        return Client(name, version, partial(_module, python, "aiohttp_loop"), closed_loop.read)
    if places.tokenizer is None:
        raise LookupError("it needs a tokenizer, and none was given: --tokenizer DIR")
    command, read = TOOLS[name]
    options = {"venv": venv.absolute(), "tokenizer": places.tokenizer.absolute()}
    return Client(name, version, partial(command, **options), read)


def _module(python: str, module: str, load: Load) -> list[str]:
    return [python, "-m", f"benchmarks.clients.{module}", str(load.write())]


def _version(python: str, distribution: str) -> str:
    ask = f"import importlib.metadata as m; print(m.version({distribution!r}))"
    try:
        return _output([python, "-c", ask])
    except (OSError, subprocess.CalledProcessError) as error:
        raise LookupError(f"{distribution} is not installed for {python}") from error


def _output(command: Sequence[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
