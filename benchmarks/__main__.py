"""Measures every client in every scenario, one after the other, and makes the tables."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.arguments import Settings, parse
from benchmarks.client import Client, Load
from benchmarks.field import FLOOR, OURS, TOOLS, find_client
from benchmarks.meter import measure
from benchmarks.page import PAGE, provenance, replaced
from benchmarks.row import Row, row_of
from benchmarks.scenario import Scenario
from benchmarks.server import Server
from benchmarks.table import table


def main(arguments: Sequence[str]) -> None:
    """Run what the command line asks for."""
    settings = parse(arguments)
    _allow_many_connections()
    clients, missing = _find(settings)
    directory = settings.directory or Path(tempfile.mkdtemp(prefix="npuperf-benchmarks-"))
    parts = [provenance("benchmarks", arguments), _versions(clients, missing)]
    try:
        parts += [_scenario(settings, scenario, clients, directory) for scenario in settings.scenarios]
    finally:
        if settings.directory is None:
            shutil.rmtree(directory)
    content = "\n\n".join(parts)
    sys.stdout.write(f"{content}\n")
    if settings.write:
        PAGE.write_text(replaced(PAGE.read_text(), "load", content))


def _allow_many_connections() -> None:
    """Here and in all that is started: a stream needs a file descriptor."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _find(settings: Settings) -> tuple[list[Client], dict[str, str]]:
    clients, missing = [], {}
    for name in settings.clients:
        try:
            clients.append(find_client(name, settings.places))
        except LookupError as error:
            missing[name] = str(error)
    return clients, missing


def _versions(clients: Sequence[Client], missing: dict[str, str]) -> str:
    lines = [f"- {client.name} {client.version}" for client in clients if client.version]
    lines += [f"- {name}: not run, {reason}" for name, reason in missing.items()]
    return "\n".join(["Peers:", "", *(lines or ["- none"])])


def _scenario(settings: Settings, scenario: Scenario, clients: Sequence[Client], directory: Path) -> str:
    rows, failures = [], []
    for client in clients:
        if client.name in TOOLS and scenario.streams > settings.tool_streams:
            continue
        sys.stderr.write(f"{scenario.streams} streams: {client.name}\n")
        place = directory / f"{scenario.streams}-{client.name}"
        place.mkdir(parents=True, exist_ok=True)
        try:
            row = _row(settings, scenario, client, place)
        except (RuntimeError, ValueError, OSError, subprocess.SubprocessError) as error:
            sys.stderr.write(f"{client.name} failed: {error}\n")
            failures.append(f"\n{client.name} failed: {str(error).splitlines()[0]}")
            continue
        (place / "row.json").write_text(json.dumps(asdict(row)))
        rows.append(row)
    return "\n".join([f"### {scenario.title}", "", table(rows, ours=OURS, floor=FLOOR), *failures])


def _row(settings: Settings, scenario: Scenario, client: Client, place: Path) -> Row:
    with Server.run(settings.server, scenario, cpus=settings.server_cpus, directory=place) as server:
        load = Load(
            port=server.port,
            model=server.model,
            streams=scenario.streams,
            requests=scenario.requests,
            tokens=scenario.tokens,
            directory=str(place),
        )
        log = place / "client.log"
        usage = measure(
            client.command(load),
            cpus=settings.client_cpus,
            meter_cpus=settings.server_cpus,
            log=log,
            timeout=settings.timeout,
        )
    if usage.exit_code:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        raise RuntimeError(f"exit code {usage.exit_code}; the end of its log:\n{tail}")
    return row_of(client.name, scenario, client.read(load), usage, server.truth())


if __name__ == "__main__":
    main(sys.argv[1:])
