"""What a figure depends on besides the server's speed, so that only like is compared with like."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

__all__ = ["Fingerprint", "fingerprint", "mismatches", "unknown_facts"]

Fingerprint = Mapping[str, "str | int | None"]
"""Fact -> its value, None where nobody knows it."""

# What neither changes the load nor what the server makes of it. Another seed is another sample of
# the same prompts.
_NO_WORKLOAD = ("name", "slo", "seed", "timeouts", "abort", "until", "search", "sweep", "steady", "headers")
_SERVER_PACKAGES = ("vllm", "vllm-ascend", "torch", "torch-npu")
# A row of the table of npu-smi: "| 0     910B3               | OK            | 94.9 ...". The row below
# it has a bus address in the place of the health.
_CHIP = re.compile(r"^\|\s*\d+\s+(\S+)\s*\|\s*[A-Za-z]+\s*\|", re.MULTILINE)
_DRIVER = re.compile(r"npu-smi\s+(\S+)")
_VERSION = re.compile(r"\d+\.[\w.]+")


def fingerprint(
    environment: Mapping[str, Any], server: Mapping[str, Any], settings: Mapping[str, Any]
) -> dict[str, str | int | None]:
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
        "model": _portable(server.get("asked_model")),
        "served name": _portable(server.get("model")),
        "accelerator": ", ".join(sorted(set(chips))) or None,
        "accelerators": _accelerators(npu, chips),
        "driver": _first(_DRIVER, npu.get("npu_smi")),
        "CANN": _cann(environment, npu),
        "server": server.get("server") or None,
        "packages": ", ".join(f"{name} {packages[name]}" for name in _SERVER_PACKAGES if name in packages)
        or None,
        "workload": _workload_hash(settings),
        "client architecture": machine.get("architecture"),
        "client processors": machine.get("processors"),
    }


def mismatches(baseline: Fingerprint, current: Fingerprint) -> list[str]:
    """What differs, in words; a fact that one side does not know does not differ."""
    return [
        f"{fact}: {current[fact]}, in the baseline {value}"
        for fact, value in baseline.items()
        if value is not None and current.get(fact) is not None and current[fact] != value
    ]


def unknown_facts(baseline: Fingerprint, current: Fingerprint) -> list[str]:
    """The facts that could not be compared, because one side or both do not know them."""
    facts = dict.fromkeys((*baseline, *current))
    return [fact for fact in facts if baseline.get(fact) is None or current.get(fact) is None]


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


def _workload_hash(settings: Mapping[str, Any]) -> str:
    workload = {name: value for name, value in settings.items() if name not in _NO_WORKLOAD}
    content = json.dumps(_portable(workload), sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _portable(value: Any) -> Any:
    """Without the folders of absolute paths: the same file or model lies elsewhere on another machine."""
    if isinstance(value, Mapping):
        return {str(key): _portable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_portable(item) for item in value]
    if isinstance(value, (str, PurePath)) and PurePath(value).is_absolute():
        return PurePath(value).name
    return value
