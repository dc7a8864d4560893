"""The settings of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pytest_npuperf.wire.tls_settings import TlsSettings

__all__ = ["TASKS", "Settings", "is_url"]

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
    report_single_file: bool
    pictures: Literal["svg", "png"] | None
    abbr: str
    zip: bool
    debug: bool
    client_health: str
    save_text: bool
    ca_file: Path | None
    insecure: bool
    markdown: Path | None
    openmetrics: Path | None
    stats: tuple[str, ...]
    """Statistics of the terminal's Performance Parameters table by their headings; none: the usual ones."""
    confirm: int
    inconclusive: Literal["fail", "warn", "skip"] | None
    save_baseline: str | None
    baseline: str | None
    """A name, or a path where it has a slash in it."""
    baseline_mismatch: Literal["fail", "warn", "skip"]
    ab: tuple[str, str] | None
    """Where A and B are: base URLs of servers that run, or folders of adapters."""
    baselines: Path
    """Where baselines are kept by their names."""
    sources: Mapping[str, str]

    @property
    def tls(self) -> TlsSettings:
        """Whom to trust on https."""
        return TlsSettings(ca_file=str(self.ca_file) if self.ca_file else None, insecure=self.insecure)

    @property
    def has_target(self) -> bool:
        """Whether there is anything to measure."""
        return self.model is not None or self.base_url is not None or self.ab is not None

    @property
    def asked_model(self) -> str | None:
        """The name to ask the server for: the weight path, as the platform does, unless it runs already."""
        if self.model is None or self._runs_already:
            return self.model
        return str(Path(self.model).absolute())

    @property
    def _runs_already(self) -> bool:
        return self.base_url is not None or (self.ab is not None and all(map(is_url, self.ab)))

    def described(self) -> dict[str, dict[str, Any]]:
        """Each setting with its source, as plain data without secrets."""
        described = {}
        for name, source in self.sources.items():
            value = getattr(self, name)
            if name == "api_key":
                value = None if value is None else "(set)"
            described[name] = {"value": str(value) if isinstance(value, Path) else value, "source": source}
        return described


def is_url(place: str) -> bool:
    """Whether one of the places of ``--npuperf-ab`` is a server that runs already."""
    return "://" in place
