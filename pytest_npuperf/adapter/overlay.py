"""The overlay: a virtual environment on top of the one that ``deploy.sh`` uses.

pip installs into it only what the base lacks, because it counts what the overlay sees of the
base as satisfied; the base stays as it is. (uv would not count it, and bring a second torch.)
A console script of the base sees the overlay's packages through PYTHONPATH, where ``.pth``
files have no effect: an editable requirement (``-e``) reaches only the overlay's own scripts.
"""

from __future__ import annotations

import fcntl
import hashlib
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from pytest_npuperf.adapter.installer import Installer
from pytest_npuperf.adapter.interpreter import Python, probe
from pytest_npuperf.errors import InstallError

__all__ = ["Overlay", "make_overlay"]

_OTHER_FILE = re.compile(r"^\s*(?:-r|-c|--requirement|--constraint)[\s=]*(\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Overlay:
    """Where an overlay holds its console scripts and its packages."""

    scripts: Path
    packages: tuple[Path, ...]


def make_overlay(requirements: Path, python: Python, installer: Installer) -> Overlay:
    """The overlay of an interpreter that holds the requirements; built once, then found again.

    Args:
        requirements: The requirements file.
        python: The interpreter under the overlay.
        installer: Runs the commands; the overlay is kept in its adapter repository.

    Raises:
        InstallError: The interpreter cannot make one, or the installation failed.
    """
    cache = _cache(installer.adapter)
    overlay = cache / f"overlay-{_key(requirements, python)}"
    complete = overlay / "complete"
    scripts = overlay / "bin"
    with overlay.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another run in the same repository may be building it
        if complete.exists() and (scripts / "python3").exists():
            installer.notify(f"requirements.txt is already installed in {overlay}")
        else:
            shutil.rmtree(overlay, ignore_errors=True)
            _build(overlay, requirements, python, installer)
            complete.touch()  # last: an overlay without it is not whole
    return Overlay(scripts, _probe(overlay, installer).packages)


def _build(overlay: Path, requirements: Path, python: Python, installer: Installer) -> None:
    if not python.has_ensurepip:
        version = ".".join(python.version.split(".")[:2])
        raise InstallError(
            f"{python.executable} cannot make a virtual environment for requirements.txt: it lacks "
            f"ensurepip. Install it (Debian, Ubuntu: apt-get install python{version}-venv), or pass "
            "--npuperf-install=current to install into the environment itself."
        )
    options = ["--system-site-packages"] if _sees_system_packages(python) else []
    argv = [str(python.executable), "-I", "-m", "venv", *options, str(overlay)]
    installer.run("making the overlay for requirements.txt", argv)
    pip = [str(overlay / "bin" / "python3"), str(overlay / "bin" / "pip")]
    # Python before 3.12 puts a setuptools of its own there, which would shadow the base's.
    installer.run("taking setuptools out of the overlay", [*pip, "uninstall", "--yes", "setuptools"])
    if python.environment is not None:
        _show_packages(overlay, python, installer)
    installer.run(
        "installing requirements.txt into the overlay",
        [*pip, "install", "--no-input", "--requirement", str(requirements)],
        extra={"PIP_USER": "0"},
    )


def _show_packages(overlay: Path, python: Python, installer: Installer) -> None:
    """Let the overlay see what the base's virtual environment holds: by itself it sees only the system.

    ``addsitedir`` instead of a bare path, so that editable packages of the base are seen, too.
    """
    lines = [f"import site; site.addsitedir({str(path)!r})\n" for path in python.packages]
    packages = _probe(overlay, installer).packages[0]
    (packages / "npuperf_base.pth").write_text("".join(lines), encoding="utf-8")


def _sees_system_packages(python: Python) -> bool:
    if python.environment is None:
        return True
    settings = (python.environment / "pyvenv.cfg").read_text(encoding="utf-8")
    return bool(
        re.search(r"^include-system-site-packages\s*=\s*true\s*$", settings, re.MULTILINE | re.IGNORECASE)
    )


def _probe(overlay: Path, installer: Installer) -> Python:
    return probe(overlay / "bin" / "python3", installer.environ, installer.adapter)


def _cache(adapter: Path) -> Path:
    cache = adapter / ".npuperf" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    (cache / ".gitignore").write_text("*\n", encoding="utf-8")
    return cache


def _key(requirements: Path, python: Python) -> str:
    key = hashlib.sha256(f"{python.executable} {python.version}\n".encode())
    files = [requirements]
    for file in files:
        text = file.read_text("utf-8-sig", "replace")
        key.update(text.encode())
        others = (file.parent / name for name in _OTHER_FILE.findall(text))
        files += [other for other in others if other.is_file() and other not in files]
    return key.hexdigest()[:16]
