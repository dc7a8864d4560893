"""The adapter's ``requirements.txt``: what it must not list, and where it is installed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from pytest_npuperf.adapter.environment import with_packages_first
from pytest_npuperf.adapter.installer import Installer
from pytest_npuperf.adapter.interpreter import find_python
from pytest_npuperf.adapter.overlay import make_overlay
from pytest_npuperf.adapter.settings import DeploySettings

__all__ = ["install_requirements", "requirement_warnings"]

# The wheels that a CANN toolkit brings; its own packages are named cann-... or ascend-cann-...
_CANN_WHEELS = {"acl", "auto-tune", "hccl", "hccl-parser", "llm-datadist", "op-gen", "op-test-frame"}
_CANN_WHEELS |= {"ascend-toolkit", "opc-tool", "schedule-search", "te"}


def requirement_warnings(path: Path) -> tuple[str, ...]:
    """A warning for each line of a requirements file that names Torch NPU, CANN or Python itself."""
    warnings = []
    for number, line in enumerate(path.read_text("utf-8-sig", "replace").splitlines(), start=1):
        provided = _provided(_project_name(line))
        if provided:
            warnings.append(
                f"{path.name} line {number} ({line.strip()}) lists {provided}, which the environment "
                "provides: take the line out, or it may replace the one that fits the NPU driver."
            )
    return tuple(warnings)


def install_requirements(
    settings: DeploySettings, environ: Mapping[str, str], *, log: Path, notify: Callable[[str], None]
) -> dict[str, str]:
    """Install what the adapter requires; the environment in which deploy.sh finds it.

    Args:
        settings: What to deploy, and where to install.
        environ: The environment of deploy.sh before.
        log: Takes the warnings and the installer's output.
        notify: Called with short texts about the progress.

    Raises:
        InstallError: There is no interpreter to install for, or the installation failed.
    """
    adapter = settings.adapter.absolute()
    requirements = adapter / "requirements.txt"
    if not requirements.is_file():
        notify("no requirements.txt: installation skipped")
        return dict(environ)
    for warning in requirement_warnings(requirements):
        notify(f"warning: {warning}")
        with log.open("a", encoding="utf-8") as file:
            file.write(f"warning: {warning}\n")
    if settings.install == "never":
        notify("requirements.txt is not installed (--npuperf-install=never)")
        return dict(environ)
    python = find_python(environ, adapter)
    installer = Installer(adapter, environ, log, notify)
    if settings.install == "current":
        argv = [str(python.executable), "-m", "pip", "install", "--requirement", str(requirements)]
        installer.run("installing requirements.txt", argv)
        return dict(environ)
    overlay = make_overlay(requirements, python, installer)
    return with_packages_first(environ, scripts=overlay.scripts, packages=overlay.packages)


def _provided(name: str) -> str:
    if name == "torch-npu":
        return "Torch NPU"
    if name in ("python", "python3"):
        return "Python"
    if name in _CANN_WHEELS or re.match(r"(ascend-)?cann(-|$)", name):
        return "CANN"
    return ""


def _project_name(line: str) -> str:
    """The normalized name of the project that a requirement names; of a file, the name in its file name."""
    requirement = re.split(r"[@;#]", line, maxsplit=1)[0].strip().rpartition("/")[2]
    match = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*?(?=$|-\d|[\s\[(=<>!~])", requirement)
    return re.sub(r"[-_.]+", "-", match.group().lower()) if match else ""
