"""What a run was made with, and how to make it again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from shlex import join
from typing import Any

from pytest_npuperf.report.html.markup import Markup, element
from pytest_npuperf.report.html.tables import data_table, fact_list
from pytest_npuperf.report.repeat import known_load, repeat_command, repeat_run_command
from pytest_npuperf.result import RunRecord

__all__ = ["repeat_section", "run_facts", "run_section"]

_FILES = {
    "configs/settings.json": "Settings (JSON)",
    "configs/cases.json": "Cases (JSON)",
    "configs/environment.json": "Environment (JSON)",
    "configs/server.json": "Server (JSON)",
    "logs/": "Logs",
    "summary.json": "The run for programs (JSON)",
}


def run_facts(record: RunRecord) -> Markup:
    """What a reader wants to know first: which model, on what, when."""
    server, environment = record.server, record.environment
    commit = (environment.get("git") or {}).get("commit")
    return fact_list(
        (
            ("Model", server.get("model") or server.get("asked_model")),
            ("Server", server.get("version") or server.get("server") or server.get("base_url")),
            ("Started", _clock(record.started)),
            ("Took", _duration(record.started, record.finished)),
            ("Seed", environment.get("seed")),
            ("Commit", commit[:12] if isinstance(commit, str) else None),
            ("Run", record.run_id),
        )
    )


def repeat_section(record: RunRecord) -> Markup | None:
    """The commands that repeat the run and each of its items; None where nothing was measured."""
    nodeids = list(dict.fromkeys(result.nodeid for result in record.results))
    if not nodeids:
        return None
    whole = repeat_run_command(record.settings, nodeids)
    blocks = [_command("The whole run", whole, _where(record.environment))]
    for nodeid in nodeids:
        results = [result for result in record.results if result.nodeid == nodeid]
        known = known_load(results, server=record.server)
        blocks.append(_command(nodeid, repeat_command(record.settings, nodeid), known))
    return element("section", element("h2", "Repeat it"), *blocks)


def run_section(record: RunRecord, *, linked: bool) -> Markup:
    """Environment, server and settings, each value by its name, and where they lie as files.

    Args:
        record: The run.
        linked: Whether the files of the run lie beside the page.
    """
    settings = [
        [name, _text(setting["value"]), str(setting["source"])]
        for name, setting in record.settings.items()
        if setting["value"] not in (None, (), [])
    ]
    environment = dict(record.environment)
    if environment.get("command"):
        environment["command"] = join(map(str, environment["command"]))
    links = [element("a", name, href=path) for path, name in _FILES.items()]
    return element(
        "section",
        element("h2", "Environment"),
        element("nav", *links, class_="files", aria_label="Files of the run") if linked else None,
        element(
            "div",
            data_table("Environment", ["Environment", "Value"], _flat(environment)),
            element(
                "div",
                data_table("Server", ["Server", "Value"], _flat(record.server)),
                data_table("Settings", ["Setting", "Value", "From"], settings),
            ),
            class_="pair texts",
        ),
    )


def _where(environment: Mapping[str, Any]) -> str:
    """In which folder, and at which commit of it."""
    git = environment.get("git")
    place = f"to be run in {environment.get('rootdir') or 'the rootdir of pytest'}"
    if not isinstance(git, Mapping) or not git.get("commit"):
        return place
    changes = " with changes that are not committed" if git.get("dirty") else ""
    return f"{place}, at commit {git['commit']}{changes}"


def _command(title: str, command: str, note: str = "") -> Markup:
    return element(
        "div",
        element("h3", title),
        element("p", note, class_="sub") if note else None,
        element("pre", element("code", command), tabindex=0, role="group", aria_label=f"Command: {title}"),
        class_="command",
    )


def _flat(values: Mapping[str, Any], before: str = "") -> Iterator[list[str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name} ")
        elif value is not None:
            yield [f"{before}{name}", _text(value)]


def _text(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(str, value))
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _clock(moment: str) -> str:
    try:
        return datetime.fromisoformat(moment).isoformat(" ", "seconds")
    except ValueError:
        return moment


def _duration(started: str, finished: str) -> str | None:
    try:
        seconds = (datetime.fromisoformat(finished) - datetime.fromisoformat(started)).total_seconds()
    except (ValueError, TypeError):
        return None
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
