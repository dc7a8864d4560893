"""The command line of ``python -m benchmarks``."""

from __future__ import annotations

import argparse
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from benchmarks.field import CLIENTS, TOOLS, Places
from benchmarks.scenario import SCENARIOS, Scenario
from benchmarks.server import SIMULATOR, ServerCommand

__all__ = ["Settings", "parse"]

_LEAST_ROUNDS = 2


@dataclass(frozen=True, slots=True)
class Settings:
    """What to measure and where."""

    scenarios: tuple[Scenario, ...]
    clients: tuple[str, ...]
    tool_streams: int
    """Tools are run with no more streams than that."""
    places: Places
    server: ServerCommand
    server_cpus: set[int]
    client_cpus: set[int]
    timeout: float
    directory: Path | None
    write: bool


def parse(arguments: Sequence[str]) -> Settings:
    """The settings of a command line; ends the program where it is not valid."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if (given.server_command is None) != (given.truth_command is None):
        parser.error("--server-command and --truth-command need each other: nobody else knows the truth")
    if given.rounds is not None and given.rounds < _LEAST_ROUNDS:
        parser.error(f"--rounds is {given.rounds}: a rate needs at least {_LEAST_ROUNDS}")
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        parser.error("this process may use one CPU; server and client need one each")
    scenarios = [SCENARIOS[name] for name in given.scenarios]
    if given.rounds is not None:
        scenarios = [replace(scenario, rounds=given.rounds) for scenario in scenarios]
    return Settings(
        scenarios=tuple(scenarios),
        clients=tuple(given.clients),
        tool_streams=given.tool_streams,
        places=Places(dict(given.venv), given.tokenizer, given.floor_command),
        server=SIMULATOR if given.server_command is None else _server(given),
        server_cpus=given.server_cpu or {cpus[0]},
        client_cpus=given.client_cpu or {cpus[1]},
        timeout=given.timeout,
        directory=given.directory,
        write=given.write,
    )


def _server(given: argparse.Namespace) -> ServerCommand:
    return ServerCommand(given.server_command, given.truth_command)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure clients against a server with known times."
    )
    add = parser.add_argument
    add(
        "--scenarios",
        type=partial(_names, SCENARIOS),
        default=list(SCENARIOS),
        metavar="N,N",
        help=f"streams, of {', '.join(SCENARIOS)} (all)",
    )
    add(
        "--clients",
        type=partial(_names, CLIENTS),
        default=list(CLIENTS),
        metavar="NAME,NAME",
        help=f"of {', '.join(CLIENTS)} (all that are there)",
    )
    add(
        "--tool-streams",
        type=int,
        default=64,
        metavar="N",
        help=f"{', '.join(TOOLS)} run with up to so many streams: they are slow (%(default)s)",
    )
    add("--rounds", type=int, metavar="N", help="measured requests of each stream (8 at 64 streams, else 4)")
    add(
        "--venv",
        type=_venv,
        action="append",
        default=[],
        metavar="CLIENT=DIR",
        help="environment of a client; may be repeated",
    )
    add("--tokenizer", type=Path, metavar="DIR", help="a tokenizer that vllm, aiperf and guidellm can load")
    add(
        "--floor-command",
        metavar="COMMAND",
        help="a client that only receives; {port}, {streams}, {requests_per_stream}",
    )
    add(
        "--server-command",
        metavar="COMMAND",
        help="in place of the simulator; {port}, {ttft_ms} or {ttft_us}, {itl_ms} or {itl_us}, {tokens}, "
        "{directory} for its files",
    )
    add(
        "--truth-command",
        metavar="COMMAND",
        help="prints what that server did: a line of JSON a request, t_received and stamps in monotonic ns",
    )
    add("--server-cpu", type=_cpus, metavar="N,N", help="CPUs of the server (the first)")
    add("--client-cpu", type=_cpus, metavar="N,N", help="CPUs of the client (the second)")
    add("--timeout", type=float, default=600.0, metavar="SECONDS", help="for each client (%(default)g)")
    add("--directory", type=Path, metavar="DIR", help="keep the files of all runs there")
    add("--write", action="store_true", help="write the result into benchmarks/README.md")
    return parser


def _names(known: Collection[str], text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in known:
            raise argparse.ArgumentTypeError(f"{name!r} is not one of {', '.join(known)}")
    return names


def _venv(text: str) -> tuple[str, Path]:
    name, equals, folder = text.partition("=")
    if not equals or name not in CLIENTS:
        raise argparse.ArgumentTypeError(f"{text!r} is not CLIENT=DIR with a client of {', '.join(CLIENTS)}")
    return name, Path(folder)


def _cpus(text: str) -> set[int]:
    return {int(number) for number in text.split(",")}
