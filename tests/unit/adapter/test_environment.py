from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_npuperf.adapter import DeploySettings
from pytest_npuperf.adapter.environment import (
    deploy_environment,
    with_packages_first,
    without_virtual_environment,
)

MakeSettings = Callable[..., DeploySettings]


def test_model_path_is_absolute(
    settings: MakeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert deploy_environment(settings(model=Path("model")))["MODEL_PATH"] == str(tmp_path / "model")


def test_additional_variables_override_the_environment_but_not_model_path(settings: MakeSettings) -> None:
    given = settings(environ={"A": "1", "B": "2"}, env={"B": "3", "MODEL_PATH": "elsewhere"})
    assert deploy_environment(given) == {"A": "1", "B": "3", "MODEL_PATH": str(given.model)}


def test_the_environment_of_pytest_is_inherited(settings: MakeSettings) -> None:
    environ = {"PATH": f"{sys.prefix}/bin:/usr/bin", "VIRTUAL_ENV": sys.prefix}
    assert environ.items() <= deploy_environment(settings(environ=environ)).items()


def test_base_takes_the_environment_of_pytest_out(
    settings: MakeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    environ = {"PATH": f"{tmp_path}/venv/bin:/usr/bin", "VIRTUAL_ENV": f"{tmp_path}/venv"}
    found = deploy_environment(settings(environ=environ, deploy_env="base"))
    assert found["PATH"] == "/usr/bin"
    assert "VIRTUAL_ENV" not in found


def test_base_changes_nothing_where_pytest_has_no_environment_of_its_own(
    settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", "/usr")
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    found = deploy_environment(settings(environ={"PATH": "/usr/bin:/bin"}, deploy_env="base"))
    assert found["PATH"] == "/usr/bin:/bin"


def test_every_entry_of_the_virtual_environment_is_taken_out(tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    venv.mkdir()
    link = tmp_path / "link"
    link.symlink_to(venv)
    environ = {
        "PATH": f"{link}/bin:/usr/bin:{venv}/bin/",
        "PYTHONPATH": f"{venv}/lib/python3.11/site-packages:/opt/cann",
        "VIRTUAL_ENV": str(link),
        "HOME": "/root",
    }
    assert without_virtual_environment(environ, venv) == {
        "PATH": "/usr/bin",
        "PYTHONPATH": "/opt/cann",
        "HOME": "/root",
    }


def test_another_virtual_environment_stays(tmp_path: Path) -> None:
    environ = {"PATH": "/opt/venv/bin:/usr/bin", "VIRTUAL_ENV": "/opt/venv"}
    assert without_virtual_environment(environ, tmp_path / "venv") == environ


def test_packages_come_before_what_is_there() -> None:
    environ = {"PATH": "/usr/bin", "PYTHONPATH": "/opt/cann", "HOME": "/root"}
    assert with_packages_first(
        environ, scripts=Path("/o/bin"), packages=[Path("/o/lib"), Path("/o/lib64")]
    ) == {
        "PATH": "/o/bin:/usr/bin",
        "PYTHONPATH": "/o/lib:/o/lib64:/opt/cann",
        "HOME": "/root",
    }


def test_an_unset_pythonpath_gets_no_empty_entry() -> None:
    # An empty entry would mean the current directory.
    found = with_packages_first({"PATH": "/usr/bin"}, scripts=Path("/o/bin"), packages=[Path("/o/lib")])
    assert found["PYTHONPATH"] == "/o/lib"


def test_the_repr_of_the_settings_shows_no_secret(settings: MakeSettings) -> None:
    text = repr(settings(api_key="sk-secret", environ={"NPUPERF_API_KEY": "sk-secret"}))
    assert "sk-secret" not in text
