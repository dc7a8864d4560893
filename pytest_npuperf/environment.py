"""What a figure depends on besides the server: versions, machine, accelerator, commit, command."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

__all__ = ["describe_environment"]

_PACKAGES = (
    "pytest",
    "pytest-npuperf",
    "pytest-asyncio",
    "httptools",
    "uvloop",
    "numpy",
    "torch",
    "torch-npu",
    "vllm",
    "vllm-ascend",
)
_COMMAND_TIMEOUT = 10.0


def describe_environment(rootpath: Path, command: Sequence[str], *, seed: int) -> dict[str, Any]:
    """Everything that is needed to understand and repeat a run, as plain data."""
    return {
        "command": ["pytest", *_without_api_key(command)],
        "rootdir": str(rootpath),
        "seed": seed,
        "git": _git(rootpath),
        "python": platform.python_version(),
        "packages": _versions(_PACKAGES),
        "machine": {
            "system": platform.platform(),
            "architecture": platform.machine(),
            "processors": os.cpu_count(),
            "kernel": platform.release(),
        },
        "npu": _npu(os.environ),
    }


def _without_api_key(command: Sequence[str]) -> list[str]:
    option = "--npuperf-api-key"
    kept: list[str] = []
    for word in command:
        if kept and kept[-1] == option:
            word = "..."
        elif word.startswith(f"{option}="):
            word = f"{option}=..."
        kept.append(word)
    return kept


def _versions(packages: Sequence[str]) -> dict[str, str]:
    found = {}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _git(directory: Path) -> dict[str, Any] | None:
    commit = _output(["git", "-C", str(directory), "rev-parse", "HEAD"])
    if commit is None:
        return None
    changes = _output(["git", "-C", str(directory), "status", "--porcelain", "--untracked-files=no"])
    return {"commit": commit, "dirty": bool(changes)}


def _npu(environ: Mapping[str, str]) -> dict[str, Any] | None:
    """The accelerator as its own tool names it; None where there is no such tool."""
    listing = _output(["npu-smi", "info"])
    toolkit = environ.get("ASCEND_TOOLKIT_HOME")
    if listing is None and toolkit is None:
        return None
    return {
        "npu_smi": listing,
        "ascend_toolkit_home": toolkit,
        "visible_devices": environ.get("ASCEND_RT_VISIBLE_DEVICES"),
    }


def _output(command: list[str]) -> str | None:
    if shutil.which(command[0]) is None:
        return None
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_COMMAND_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
