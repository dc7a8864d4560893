"""What a figure depends on besides the server's speed, so that only like is compared with like."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pytest_npuperf.baselines.workload import Workload, portable, workload_differences, workload_of

__all__ = ["Fact", "Fingerprint", "fingerprint", "mismatches", "unknown_facts"]

Fact = str | int | Workload | None
"""None where nobody knows it."""

Fingerprint = Mapping[str, Fact]
"""Fact -> its value."""

_SERVER_PACKAGES = ("vllm", "vllm-ascend", "torch", "torch-npu")
# A row of the table of npu-smi: "| 0     910B3               | OK            | 94.9 ...". The row below
# it has a bus address in the place of the health.
_CHIP = re.compile(r"^\|\s*\d+\s+(\S+)\s*\|\s*[A-Za-z]+\s*\|", re.MULTILINE)
_DRIVER = re.compile(r"npu-smi\s+(\S+)")
_VERSION = re.compile(r"\d+\.[\w.]+")


def fingerprint(
    environment: Mapping[str, Any], server: Mapping[str, Any], settings: Mapping[str, Any]
) -> dict[str, Fact]:
    """What a case was run with, as far as it is known.

    Args:
        environment: As ``describe_environment`` gives it, with what hooks have added.
        server: Of a ``RunRecord``: the model asked for and served, the Server header.
        settings: The case as plain data.
    """
    npu = environment.get("npu") or {}
    machine = environment.get("machine") or {}
    packages = environment.get("packages") or {}
    chips = _CHIP.findall(npu.get("npu_smi") or "")
    return {
        "model": portable(server.get("asked_model")),
        "served name": portable(server.get("model")),
        "accelerator": ", ".join(sorted(set(chips))) or None,
        "accelerators": _accelerators(npu, chips),
        "driver": _first(_DRIVER, npu.get("npu_smi")),
        "CANN": _cann(environment, npu),
        "server": server.get("server") or None,
        "packages": ", ".join(f"{name} {packages[name]}" for name in _SERVER_PACKAGES if name in packages)
        or None,
        "workload": workload_of(settings),
        "client architecture": machine.get("architecture"),
        "client processors": machine.get("processors"),
    }


def mismatches(baseline: Fingerprint, current: Fingerprint) -> list[str]:
    """What differs, in words, of the workload each setting; a fact that one side does not know does not."""
    return [
        what
        for fact, value in baseline.items()
        if value is not None and current.get(fact) is not None
        for what in _differences(fact, value, current[fact])
    ]


def unknown_facts(baseline: Fingerprint, current: Fingerprint) -> list[str]:
    """The facts that could not be compared, because one side or both do not know them."""
    facts = dict.fromkeys((*baseline, *current))
    return [fact for fact in facts if baseline.get(fact) is None or current.get(fact) is None]


def _differences(fact: str, baseline: Fact, current: Fact) -> Iterator[str]:
    if fact == "workload":
        yield from workload_differences(baseline, current)
    elif current != baseline:
        yield f"{fact}: {current}, in the baseline {baseline}"


def _accelerators(npu: Mapping[str, Any], chips: list[str]) -> int | None:
    """How many the server may use."""
    visible = npu.get("visible_devices")
    return len(str(visible).split(",")) if visible else len(chips) or None


def _cann(environment: Mapping[str, Any], npu: Mapping[str, Any]) -> str | None:
    """From what a hook says, else from the folder it is installed in, which is often named so."""
    return _first(_VERSION, environment.get("cann")) or _first(_VERSION, npu.get("ascend_toolkit_home"))


def _first(pattern: re.Pattern[str], text: object) -> str | None:
    found = pattern.search(text) if isinstance(text, str) else None
    return found[found.re.groups] if found else None
