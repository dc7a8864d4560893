"""Options, environment variables and ini keys: one table, read into frozen settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pytest_npuperf.durations import parse_duration
from pytest_npuperf.errors import SettingsError
from pytest_npuperf.wire.tls_settings import TlsSettings

__all__ = ["TASKS", "Settings", "add_options", "read_settings"]

TASKS = ("text-generation", "image-text-to-text", "any-to-any")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting of a run; ``sources`` says where each value came from.

    A source is option, environment, ini or default; the seed's is drawn where nobody gave one.
    """

    model: str | None
    base_url: str | None
    adapter: Path
    port: int
    task: str | None
    dataset: Path | None
    slo: tuple[str, ...]
    install: str
    deploy_env: str
    ready_timeout: float | None
    api_key: str | None = field(repr=False)
    seed: int
    report_dir: Path
    abbr: str
    zip: bool
    debug: bool
    client_health: str
    save_text: bool
    ca_file: Path | None
    insecure: bool
    markdown: Path | None
    openmetrics: Path | None
    sources: Mapping[str, str]

    @property
    def tls(self) -> TlsSettings:
        """Whom to trust on https."""
        return TlsSettings(ca_file=str(self.ca_file) if self.ca_file else None, insecure=self.insecure)

    @property
    def has_target(self) -> bool:
        """Whether there is anything to measure."""
        return self.model is not None or self.base_url is not None

    @property
    def asked_model(self) -> str | None:
        """The name to ask the server for: the weight path, as the platform does, unless it runs already."""
        if self.model is None or self.base_url is not None:
            return self.model
        return str(Path(self.model).absolute())

    def described(self) -> dict[str, dict[str, Any]]:
        """Each setting with its source, as plain data without secrets."""
        described = {}
        for name, source in self.sources.items():
            value = getattr(self, name)
            if name == "api_key":
                value = None if value is None else "(set)"
            described[name] = {"value": str(value) if isinstance(value, Path) else value, "source": source}
        return described


@dataclass(frozen=True, slots=True)
class _Option:
    """One row of the table: ``--npuperf-<name>``, ``NPUPERF_<NAME>`` and the ini key ``npuperf_<name>``."""

    name: str
    help: str
    metavar: str | None = None
    default: Any = None
    parse: Callable[[str], Any] = str
    choices: tuple[str, ...] = ()
    many: bool = False
    flag: bool = False
    ini: bool = True

    @property
    def option(self) -> str:
        return f"--npuperf-{self.name}"

    @property
    def key(self) -> str:
        return self.name.replace("-", "_")

    @property
    def ini_key(self) -> str:
        return f"npuperf_{self.key}"

    @property
    def variable(self) -> str:
        return f"NPUPERF_{self.key.upper()}"


def _port(text: str) -> int:
    port = int(text)
    if not 0 < port < 65536:
        raise ValueError("a port is a number between 1 and 65535")
    return port


def _boolean(text: str) -> bool:
    values = {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
    }
    if text.lower() not in values:
        raise ValueError(f"allowed are {', '.join(values)}")
    return values[text.lower()]


_OPTIONS = (
    _Option("model", "weights to deploy and measure: MODEL_PATH of deploy.sh", "PATH", ini=False),
    _Option("base-url", "measure a server that already runs, e.g. http://127.0.0.1:8000", "URL"),
    _Option(
        "adapter", "adapter repository with deploy.sh (default: where pytest runs, else its rootdir)", "DIR"
    ),
    _Option("port", "port that deploy.sh serves on (default: 8000)", "PORT", 8000, _port),
    _Option(
        "task", f"task of the model: {', '.join(TASKS)} (default: text-generation)", "TASK", choices=TASKS
    ),
    _Option("dataset", "GSM8K test.jsonl, or its folder, for the built-in case (default: generated)", "PATH"),
    _Option("slo", 'budget for every case, e.g. "ttft.p99 < 500 ms"; may be repeated', "EXPR", (), many=True),
    _Option(
        "install",
        "where requirements.txt goes: overlay (an environment of its own over the current one), "
        "current, or never (default: overlay)",
        "MODE",
        "overlay",
        choices=("overlay", "current", "never"),
    ),
    _Option(
        "deploy-env",
        "environment of deploy.sh: inherit (the one pytest runs in) or base (without pytest's own "
        "virtual environment) (default: inherit)",
        "MODE",
        "inherit",
        choices=("inherit", "base"),
    ),
    _Option(
        "ready-timeout",
        "how long the server may take to be ready, in seconds or with a unit (default: 3600)",
        "DURATION",
        None,
        parse_duration,
    ),
    _Option("api-key", "bearer token for the server; never written anywhere", "KEY", ini=False),
    _Option(
        "client-health",
        "what becomes of a case whose client was the bottleneck: fail or warn (default: fail)",
        "MODE",
        "fail",
        choices=("fail", "warn"),
    ),
    _Option("markdown", "write a summary in Markdown", "FILE"),
    _Option("openmetrics", "write the figures in the OpenMetrics format", "FILE"),
    _Option("ca-file", "PEM file with the authorities to trust on https (default: the system's)", "FILE"),
    _Option("insecure", "accept any certificate on https", None, False, _boolean, flag=True),
    _Option("save-text", "keep the generated text in the report", None, False, _boolean, flag=True),
    _Option("seed", "seed of prompts and schedules (default: drawn anew for each run)", "N", None, int),
    _Option("report-dir", "parent of the report directories (default: .npuperf/reports)", "DIR"),
    _Option(
        "abbr",
        "served model's name in the report's paths (default: vllm-api-stream-chat)",
        "NAME",
        "vllm-api-stream-chat",
    ),
    _Option("zip", "pack the report directory into report.zip", None, False, _boolean, flag=True),
    _Option(
        "debug",
        "print the steps of deployment and load on the terminal too",
        None,
        False,
        _boolean,
        flag=True,
    ),
)


def add_options(parser: pytest.Parser) -> None:
    """Declare the options and ini keys."""
    group = parser.getgroup("npuperf", "serving performance of AI models")
    for option in _OPTIONS:
        if option.flag:
            group.addoption(option.option, action="store_true", default=None, help=option.help)
        elif option.many:
            group.addoption(
                option.option, action="append", default=None, metavar=option.metavar, help=option.help
            )
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
    for option in _OPTIONS:
        values[option.key], sources[option.key] = _read(option, config, environ)
    if values["seed"] is None:
        values["seed"], sources["seed"] = int.from_bytes(os.urandom(4), "big"), "drawn"
    _check_target(values, sources)
    return Settings(
        **(values | _paths(values, sources, config)),
        sources=sources,
    )


def _read(option: _Option, config: pytest.Config, environ: Mapping[str, str]) -> tuple[Any, str]:
    given = config.getoption(f"npuperf_{option.key}", default=None)
    if given is not None:
        return _parsed(option, given, option.option), "option"
    if environ.get(option.variable):
        return _parsed(option, environ[option.variable], option.variable), "environment"
    in_file = config.getini(option.ini_key) if option.ini else None
    if in_file:
        return _parsed(option, in_file, option.ini_key), "ini"
    return option.default, "default"


def _parsed(option: _Option, given: Any, where: str) -> Any:
    if isinstance(given, bool):
        return given
    if option.many:
        return (given,) if isinstance(given, str) else tuple(given)
    if not given.strip():
        hint = ": is the variable MODEL_PATH set?" if option.name == "model" else ""
        raise SettingsError(f"{where} is empty{hint}")
    if option.choices and given not in option.choices:
        raise SettingsError(f"{where}: {given!r} is not allowed; allowed are {', '.join(option.choices)}")
    try:
        return option.parse(given)
    except ValueError as exc:
        raise SettingsError(f"{where}: {given!r} is not valid: {exc}") from exc


def _check_target(values: dict[str, Any], sources: Mapping[str, str]) -> None:
    base_url, model = values["base_url"], values["model"]
    if base_url is not None:
        from pytest_npuperf.wire.endpoint import normal_base_url

        values["base_url"] = normal_base_url(base_url)
    elif model is not None and not Path(model).exists():
        raise SettingsError(
            f"--npuperf-model (from {sources['model']}): {model!r} does not exist; "
            "pass the folder or file of the weights"
        )


def _paths(
    values: Mapping[str, Any], sources: Mapping[str, str], config: pytest.Config
) -> dict[str, Path | None]:
    """Paths made absolute: from ini they start at rootdir, else where pytest was started."""
    here, root = config.invocation_params.dir, config.rootpath

    def absolute(key: str) -> Path:
        return Path(root if sources[key] == "ini" else here, values[key])

    adapter_default = here if (here / "deploy.sh").exists() else root
    return {
        "adapter": absolute("adapter") if values["adapter"] else adapter_default,
        "dataset": absolute("dataset") if values["dataset"] else None,
        **{key: absolute(key) if values[key] else None for key in ("ca_file", "markdown", "openmetrics")},
        "report_dir": absolute("report_dir") if values["report_dir"] else root / ".npuperf" / "reports",
    }
