"""The environment variables that ``deploy.sh`` sees."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pytest_npuperf.adapter.settings import DeploySettings

__all__ = ["deploy_environment", "with_packages_first", "without_virtual_environment"]


def deploy_environment(settings: DeploySettings) -> dict[str, str]:
    """The environment of ``deploy.sh``, before its requirements are installed."""
    environ = dict(settings.environ)
    if settings.deploy_env == "base" and sys.prefix != sys.base_prefix:
        environ = without_virtual_environment(environ, Path(sys.prefix))
    return {**environ, **settings.env, "MODEL_PATH": str(settings.model.absolute())}


def without_virtual_environment(environ: Mapping[str, str], prefix: Path) -> dict[str, str]:
    """The variables without the virtual environment at prefix: PATH, VIRTUAL_ENV, PYTHONPATH."""
    result = dict(environ)
    home = prefix.resolve()
    if "PATH" in result:
        kept = [entry for entry in _entries(result["PATH"]) if Path(entry).resolve() != home / "bin"]
        result["PATH"] = os.pathsep.join(kept)
    if "VIRTUAL_ENV" in result and Path(result["VIRTUAL_ENV"]).resolve() == home:
        del result["VIRTUAL_ENV"]
    if "PYTHONPATH" in result:
        kept = [
            entry
            for entry in _entries(result["PYTHONPATH"])
            if not Path(entry).resolve().is_relative_to(home)
        ]
        result["PYTHONPATH"] = os.pathsep.join(kept)
    return result


def with_packages_first(
    environ: Mapping[str, str], *, scripts: Path, packages: Sequence[Path]
) -> dict[str, str]:
    """The variables with scripts first on PATH and packages first on PYTHONPATH.

    Both are needed: a console script of the base environment names the base's interpreter in
    its first line, so that PATH alone does not reach it.
    """
    path = [str(scripts), *_entries(environ.get("PATH", os.defpath))]
    pythonpath = [*map(str, packages), *_entries(environ.get("PYTHONPATH", ""))]
    return {**environ, "PATH": os.pathsep.join(path), "PYTHONPATH": os.pathsep.join(pythonpath)}


def _entries(value: str) -> list[str]:
    return [entry for entry in value.split(os.pathsep) if entry]
