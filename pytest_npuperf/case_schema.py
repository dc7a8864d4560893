"""The keys of ``npuperf.yaml`` and their types."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from pytest_npuperf.durations import parse_duration, parse_share

__all__ = [
    "AbortSection",
    "ArrivalSection",
    "CancelSection",
    "CaseSection",
    "DefaultsSection",
    "FileSection",
    "LoadSection",
    "RampSection",
    "RateSection",
    "ReplaySection",
    "RequestSection",
    "SearchSection",
    "ServerSection",
    "SweepSection",
    "TimeoutsSection",
    "decode",
]

_Task = Literal["text-generation", "image-text-to-text", "any-to-any"]


class _Duration(float):
    """Seconds, written as ``10`` or ``"500 ms"``."""


class _Share(float):
    """A part of a whole, written as ``0.1`` or ``"10 %"``."""


def decode(wanted: type, value: Any) -> Any:
    """A value of one of the types that YAML has no notion of.

    Raises:
        ValueError: The value is none.
    """
    if wanted is _Duration:
        return _Duration(parse_duration(value))
    if wanted is _Share:
        return _Share(parse_share(value))
    raise NotImplementedError(wanted)


class _Section(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    pass


class ServerSection(_Section, kw_only=True):
    """``server``: how the adapter is deployed. Options win over it."""

    ready_timeout: _Duration | None = None
    env: dict[str, str | int | float] = {}


class GammaSection(_Section, kw_only=True):
    """``load.arrival.gamma``."""

    burstiness: float


class ArrivalSection(_Section, kw_only=True):
    """``load.arrival``, where it is more than a word."""

    gamma: GammaSection


class StepSection(_Section, kw_only=True):
    """One of ``load.rate.steps``."""

    rate: float
    duration: _Duration


class RampSection(_Section, kw_only=True):
    """``load.rate.linear`` and ``load.rate.exponential``."""

    start: float
    end: float
    duration: _Duration


class RateSection(_Section, kw_only=True):
    """``load.rate``, where it changes: one of these."""

    steps: list[StepSection] | None = None
    linear: RampSection | None = None
    exponential: RampSection | None = None


class ReplaySection(_Section, kw_only=True):
    """``load.replay``."""

    speed: float = 1.0


class LoadSection(_Section, kw_only=True):
    """``load``: when requests are sent, and how long. A list makes a case of each of its numbers."""

    concurrency: int | list[int] | None = None
    think_time: _Duration | None = None
    rate: float | list[float] | RateSection | None = None
    arrival: Literal["constant", "poisson"] | ArrivalSection | None = None
    replay: bool | ReplaySection | None = None
    duration: _Duration | None = None


class TimeoutsSection(_Section, kw_only=True):
    """``timeouts`` of one request."""

    connect: _Duration | None = None
    first_chunk: _Duration | None = None
    between_chunks: _Duration | None = None
    total: _Duration | None = None


class CancelSection(_Section, kw_only=True):
    """``cancel``: which requests the client gives up, and when."""

    share: _Share
    after: _Duration | None = None
    after_tokens: int | None = None


class AbortSection(_Section, kw_only=True):
    """``abort``: when the load is given up."""

    failure_rate: _Share | None = None
    consecutive_failures: int | None = None
    server_gone: int | None = None


class SearchSection(_Section, kw_only=True):
    """``search``: the largest load that keeps budgets."""

    maximize: Literal["concurrency", "rate"]
    budgets: str | list[str] = msgspec.field(name="while")
    lowest: float | None = msgspec.field(name="from", default=None)
    highest: float | None = msgspec.field(name="to", default=None)


class SweepSection(_Section, kw_only=True):
    """``sweep``: loads to measure one after the other, one of these."""

    concurrency: list[float] | None = None
    rate: list[float] | None = None


class RequestSection(_Section, kw_only=True):
    """``request``: what goes with every request."""

    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    extra_body: dict[str, Any] = {}
    headers: dict[str, str | int | float] = {}


class DefaultsSection(_Section, kw_only=True):
    """Keys of a case that can stand under ``defaults`` too."""

    dataset: Any = None
    load: LoadSection | None = None
    requests: int | None = None
    warmup: int | None = None
    cooldown: int | None = None
    max_tokens: int | None = None
    timeouts: TimeoutsSection | None = None
    cancel: CancelSection | None = None
    abort: AbortSection | None = None
    until: dict[str, str | float] | None = None
    search: SearchSection | None = None
    sweep: SweepSection | None = None
    stage: Literal["steady", "total"] | None = None
    request: RequestSection | None = None
    slo: str | list[str] | None = None
    advisory: str | list[str] | None = None
    require_support: bool | None = None
    seed: int | None = None


class CaseSection(DefaultsSection, kw_only=True):
    """One of ``cases``."""

    name: str
    task: _Task | None = None


class FileSection(_Section, kw_only=True):
    """All of a file."""

    cases: list[CaseSection]
    defaults: DefaultsSection = msgspec.field(default_factory=DefaultsSection)
    server: ServerSection | None = None
    task: _Task | None = None
