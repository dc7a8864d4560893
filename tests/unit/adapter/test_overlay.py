from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_npuperf.adapter.installer import Installer
from pytest_npuperf.adapter.interpreter import find_python
from pytest_npuperf.adapter.overlay import Overlay, make_overlay
from pytest_npuperf.errors import InstallError

# What an overlay does with real packages is tested through install_requirements.


class Repository:
    """An adapter whose requirements a stub installs."""

    def __init__(self, adapter: Path, stub_python: Path, log: Path) -> None:
        self.adapter = adapter
        self.requirements = adapter / "requirements.txt"
        self.requirements.write_text("new\n")
        self.log = log
        self.texts: list[str] = []
        self._path = f"{stub_python.parent}{os.pathsep}{os.defpath}"

    def make_overlay(self, **environ: str) -> Overlay:
        installer = Installer(self.adapter, {"PATH": self._path, **environ}, self.log, self.texts.append)
        python = find_python(installer.environ, self.adapter)
        return make_overlay(self.requirements, python, installer)

    def installations(self) -> int:
        return self.log.read_text().count("pip install")


@pytest.fixture
def repository(adapter: Path, stub_python: Path, tmp_path: Path) -> Repository:
    return Repository(adapter, stub_python, tmp_path / "install.log")


def test_an_overlay_is_found_again(repository: Repository) -> None:
    first = repository.make_overlay()
    assert first.scripts.is_relative_to(repository.adapter / ".npuperf" / "cache")
    assert repository.make_overlay() == first
    assert repository.installations() == 1
    assert repository.texts[-1] == f"requirements.txt is already installed in {first.scripts.parent}"


def test_an_overlay_that_did_not_become_whole_is_made_anew(repository: Repository) -> None:
    with pytest.raises(InstallError):
        repository.make_overlay(STUB_EXIT="1")
    (left,) = repository.adapter.glob(".npuperf/cache/overlay-*/")
    (left / "leftover").touch()
    overlay = repository.make_overlay()
    assert overlay.scripts.parent == left
    assert not (left / "leftover").exists()


def test_an_overlay_whose_interpreter_has_gone_is_made_anew(repository: Repository) -> None:
    (repository.make_overlay().scripts / "python3").unlink()
    repository.make_overlay()
    assert repository.installations() == 2


@pytest.mark.parametrize("name", ["requirements.txt", "more.txt", "limits.txt"])
def test_another_text_makes_another_overlay(repository: Repository, name: str) -> None:
    repository.requirements.write_text("-r more.txt\n--constraint=limits.txt\n-r requirements.txt\n")
    for other in ("more.txt", "limits.txt"):
        (repository.adapter / other).write_text("new\n")
    first = repository.make_overlay()
    changed = repository.adapter / name
    changed.write_text(changed.read_text() + "newer\n")
    assert repository.make_overlay().scripts != first.scripts


def test_another_interpreter_makes_another_overlay(repository: Repository, stub_python: Path) -> None:
    first = repository.make_overlay()
    stub_python.write_text(stub_python.read_text().replace("3.10.12", "3.10.13"))
    assert repository.make_overlay().scripts != first.scripts


def test_a_failed_installation_shows_the_end_of_the_log(repository: Repository) -> None:
    with pytest.raises(InstallError) as caught:
        repository.make_overlay(STUB_EXIT="3")
    text = str(caught.value)
    assert text.startswith("taking setuptools out of the overlay failed with exit code 3: ")
    assert f"The last lines of {repository.log}:\n  called: " in text


def test_an_interpreter_without_ensurepip_says_what_to_install(
    repository: Repository, stub_python: Path
) -> None:
    expected = rf"{stub_python} cannot make .* lacks ensurepip\..*python3\.10-venv.*install=current"
    with pytest.raises(InstallError, match=expected):
        repository.make_overlay(STUB_ENSUREPIP="false")


@pytest.mark.parametrize("seen", [False, True])
def test_system_packages_are_seen_where_the_base_sees_them(
    repository: Repository, stub_python: Path, tmp_path: Path, seen: bool
) -> None:
    home = tmp_path / "venv"
    home.mkdir()
    (home / "pyvenv.cfg").write_text(f"home = /usr/bin\ninclude-system-site-packages = {str(seen).lower()}\n")
    stub_python.write_text(stub_python.read_text().replace("null", f'"{home}"'))
    overlay = repository.make_overlay()
    option = "--system-site-packages " if seen else ""
    assert f"called: -I -m venv {option}{overlay.scripts.parent}\n" in repository.log.read_text()


def test_a_base_outside_a_virtual_environment_is_seen_as_the_system(repository: Repository) -> None:
    overlay = repository.make_overlay()
    made = f"called: -I -m venv --system-site-packages {overlay.scripts.parent}\n"
    assert made in repository.log.read_text()
