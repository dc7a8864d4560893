"""Options, environment variables and ini keys: one table, read into frozen settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_npuperf.errors import SettingsError
from pytest_npuperf.folders import BASELINES
from pytest_npuperf.option_table import OPTIONS, Option
from pytest_npuperf.settings import Settings, is_url

__all__ = ["add_options", "read_settings"]


def add_options(parser: pytest.Parser) -> None:
    """Declare the options and ini keys."""
    group = parser.getgroup("npuperf", "serving performance of AI models")
    for option in OPTIONS:
        if option.flag:
            group.addoption(option.option, action="store_true", default=None, help=option.help)
        elif option.many:
            group.addoption(
                option.option, action="append", default=None, metavar=option.metavar, help=option.help
            )
        elif option.pair:
            group.addoption(option.option, nargs=2, default=None, metavar=option.metavar, help=option.help)
        else:
            group.addoption(option.option, default=None, metavar=option.metavar, help=option.help)
        if option.ini:
            kind = "linelist" if option.many else "string"
            parser.addini(option.ini_key, f"{option.option} for every run", type=kind, default=None)  # type: ignore[arg-type]


def read_settings(config: pytest.Config, environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings of this run: command line before environment before ini before default.

    Without a seed one is drawn, so that no prompt of an earlier run comes again: a server's prefix
    cache would answer it early.

    Raises:
        SettingsError: A value is not allowed.
    """
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for option in OPTIONS:
        values[option.key], sources[option.key] = _read(option, config, environ)
    if values["seed"] is None:
        values["seed"], sources["seed"] = int.from_bytes(os.urandom(4), "big"), "drawn"
    _check_target(values, sources)
    return Settings(
        **(values | _paths(values, sources, config)),
        sources=sources,
    )


def _read(option: Option, config: pytest.Config, environ: Mapping[str, str]) -> tuple[Any, str]:
    given = config.getoption(f"npuperf_{option.key}", default=None)
    if given is not None:
        return _parsed(option, given, option.option), "option"
    if environ.get(option.variable):
        return _parsed(option, environ[option.variable], option.variable), "environment"
    in_file = config.getini(option.ini_key) if option.ini else None
    if in_file:
        return _parsed(option, in_file, option.ini_key), "ini"
    return option.default, "default"


def _parsed(option: Option, given: Any, where: str) -> Any:
    if isinstance(given, bool):
        return given
    if option.many:
        return (given,) if isinstance(given, str) else tuple(given)
    if option.pair:
        return _pair(given.split() if isinstance(given, str) else given, where)
    if not given.strip():
        hint = ": is the variable MODEL_PATH set?" if option.name == "model" else ""
        raise SettingsError(f"{where} is empty{hint}")
    if option.choices and given not in option.choices:
        raise SettingsError(f"{where}: {given!r} is not allowed; allowed are {', '.join(option.choices)}")
    try:
        return option.parse(given)
    except ValueError as exc:
        raise SettingsError(f"{where}: {given!r} is not valid: {exc}") from exc


def _pair(given: Sequence[str], where: str) -> tuple[str, str]:
    if len(given) != 2 or not all(map(str.strip, given)):
        raise SettingsError(f"{where}: {' '.join(given)!r} is not valid: give two servers, A and B")
    return given[0], given[1]


def _check_target(values: dict[str, Any], sources: Mapping[str, str]) -> None:
    base_url, model, places = values["base_url"], values["model"], values["ab"]
    if base_url is not None and places is not None:
        if sources["base_url"] == sources["ab"]:
            raise SettingsError("--npuperf-ab names the servers to measure: leave out --npuperf-base-url")
        if sources["base_url"] == "option":
            places = values["ab"] = None
        else:
            base_url = values["base_url"] = None
    if base_url is not None:
        values["base_url"] = _base_url(base_url)
        return
    if places is not None:
        values["ab"] = tuple(_base_url(place) if is_url(place) else _adapter(place) for place in places)
        if all(map(is_url, places)):
            return
        if model is None:
            raise SettingsError("--npuperf-ab with the folder of an adapter needs --npuperf-model to deploy")
    if model is not None and not Path(model).exists():
        raise SettingsError(
            f"--npuperf-model (from {sources['model']}): {model!r} does not exist; "
            "pass the folder or file of the weights"
        )


def _base_url(given: str) -> str:
    from pytest_npuperf.wire.endpoint import normal_base_url

    return normal_base_url(given)


def _adapter(given: str) -> str:
    if not Path(given, "deploy.sh").is_file():
        raise SettingsError(
            f"--npuperf-ab: {given!r} is no server: give http://host:port, or the folder of a deploy.sh"
        )
    return str(Path(given).absolute())


def _paths(
    values: Mapping[str, Any], sources: Mapping[str, str], config: pytest.Config
) -> dict[str, Path | str | None]:
    """Paths made absolute: from ini they start at rootdir, else where pytest was started."""
    here, root = config.invocation_params.dir, config.rootpath

    def absolute(key: str) -> Path:
        return Path(root if sources[key] == "ini" else here, values[key])

    adapter_default = here if (here / "deploy.sh").exists() else root
    return {
        "adapter": absolute("adapter") if values["adapter"] else adapter_default,
        "dataset": absolute("dataset") if values["dataset"] else None,
        **{key: absolute(key) if values[key] else None for key in ("ca_file", "markdown", "openmetrics")},
        "baseline": _baseline(values["baseline"], absolute),
        "baselines": root / BASELINES,
        "report_dir": absolute("report_dir") if values["report_dir"] else root / ".npuperf" / "reports",
    }


def _baseline(given: str | None, absolute: Callable[[str], Path]) -> str | None:
    is_path = given is not None and ("/" in given or os.sep in given)
    return str(absolute("baseline")) if is_path else given
