"""The Python interpreter that ``deploy.sh`` calls."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_npuperf.errors import InstallError

__all__ = ["Python", "find_python", "probe"]

_PROBE = """
import importlib.util, json, platform, sys, sysconfig
print(json.dumps({
    "executable": sys.executable,
    "version": platform.python_version(),
    "packages": [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")],
    "environment": sys.prefix if sys.prefix != sys.base_prefix else None,
    "has_ensurepip": importlib.util.find_spec("ensurepip") is not None,
}))
"""


@dataclass(frozen=True, slots=True)
class Python:
    """An interpreter as it describes itself."""

    executable: Path
    version: str
    packages: tuple[Path, ...]
    """Where it installs packages: purelib, and platlib where that is another directory."""
    environment: Path | None
    """The virtual environment it lives in."""
    has_ensurepip: bool


def find_python(environ: Mapping[str, str], directory: Path) -> Python:
    """The interpreter that ``python3`` means in these variables and this directory.

    Raises:
        InstallError: There is none, or it does not run.
    """
    path = environ.get("PATH", os.defpath)
    found = shutil.which("python3", path=path)
    if found is None:
        raise InstallError(
            f"requirements.txt needs a python3 on the PATH that deploy.sh has, and {path!r} has none. "
            "Add its directory to PATH, or pass --npuperf-install=never."
        )
    return probe(Path(found), environ, directory)


def probe(executable: Path, environ: Mapping[str, str], directory: Path) -> Python:
    """Ask an interpreter about itself.

    Args:
        executable: The interpreter, or a launcher that chooses one.
        environ: Its environment variables.
        directory: Where it is started; some launchers choose by it.

    Raises:
        InstallError: It does not run.
    """
    command = [str(executable), "-I", "-c", _PROBE]
    answer = subprocess.run(command, env=dict(environ), cwd=directory, capture_output=True, text=True)
    if answer.returncode != 0:
        raise InstallError(
            f"{executable}, the python3 on the PATH that deploy.sh has, does not run: {answer.stderr.strip()}"
        )
    found = json.loads(answer.stdout)
    return Python(
        executable=Path(found["executable"]),
        version=found["version"],
        packages=tuple(dict.fromkeys(map(Path, found["packages"]))),
        environment=Path(found["environment"]) if found["environment"] else None,
        has_ensurepip=found["has_ensurepip"],
    )
