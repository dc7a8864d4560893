"""A run of a baseline as JSON: whole numbers where the stamps allow for no more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

import msgspec
import numpy as np

from pytest_npuperf.baselines.fingerprint import Fingerprint
from pytest_npuperf.baselines.workload import Workload
from pytest_npuperf.errors import BaselineError
from pytest_npuperf.metrics.requests import NS_PER_S, Floats
from pytest_npuperf.slo.stage_run import StageRun
from pytest_npuperf.slo.vocabulary import METRICS

__all__ = ["VERSION", "BaselineRun", "decoded", "encoded"]

VERSION = 2
"""Of the format. A reader takes files of its own version and of older ones.

The first had no node ids, and a hash of the workload in the place of its settings.
"""
_US_PER_S = 1e6
_RATE_DIGITS = 6
"""Significant ones."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BaselineRun:
    """One run of one stage of a case, as it is stored."""

    case: str
    """With its parameters: ``chat[concurrency=4]``."""
    stage: str
    started: str
    """Wall clock at the start of the load, ISO 8601 with offset."""
    fingerprint: Fingerprint
    measured: StageRun
    node: str = ""
    """The node id of the item that measured it; "" where that is not known."""


class _Version(msgspec.Struct):
    version: int


class _File(msgspec.Struct, kw_only=True):
    """The format; null in a column where a request has no such value."""

    version: int
    case: str
    node: str = ""
    stage: str
    started: str
    fingerprint: dict[str, str | int | dict[str, Any] | None]
    totals: dict[str, float]
    times_ns: dict[str, list[int | None]]
    counts: dict[str, list[int | None]]
    rates: dict[str, list[float | None]]
    gaps_us: dict[str, list[list[int]]]


def encoded(run: BaselineRun) -> bytes:
    """A run as JSON.

    Raises:
        BaselineError: It measured nothing to compare with, or a total is not finite.
    """
    _check(run)
    samples = {
        name: column
        for name, column in run.measured.samples.items()
        if isinstance(column, np.ndarray) and not METRICS[name].of_chunks
    }
    groups = {name: column for name, column in run.measured.samples.items() if isinstance(column, tuple)}
    units = {name: METRICS[name].units[0] for name in samples}
    return msgspec.json.encode(
        _File(
            version=VERSION,
            case=run.case,
            node=run.node,
            stage=run.stage,
            started=run.started,
            fingerprint={
                fact: dict(value.settings) if isinstance(value, Workload) else value
                for fact, value in run.fingerprint.items()
            },
            totals=dict(run.measured.totals),
            times_ns={name: _whole(samples[name] * NS_PER_S) for name in samples if units[name] == "ms"},
            counts={name: _whole(samples[name]) for name in samples if units[name] == "token"},
            rates={name: _rounded(samples[name]) for name in samples if units[name] == "token/s"},
            gaps_us={
                name: [np.rint(gaps * _US_PER_S).astype(np.int64).tolist() for gaps in column]
                for name, column in groups.items()
            },
        )
    )


def decoded(content: bytes, *, source: str) -> BaselineRun:
    """The run that is stored as JSON; ``source`` names its file in errors.

    Raises:
        BaselineError: It is of a newer version, or not what its version says.
    """
    try:
        version = msgspec.json.decode(content, type=_Version).version
        if version > VERSION:
            raise BaselineError(
                f"{source} has version {version} of the format, and this pytest-npuperf reads up to "
                f"{VERSION}: update it, or save the baseline again with this one"
            )
        file = msgspec.json.decode(content, type=_File)
    except msgspec.DecodeError as exc:
        raise BaselineError(f"{source} is no run of a baseline: {exc}; delete it and save another") from exc
    samples: dict[str, Floats | tuple[Floats, ...]] = {
        **{name: _floats(column) / NS_PER_S for name, column in file.times_ns.items()},
        **{name: _floats(column) for name, column in file.counts.items()},
        **{name: _floats(column) for name, column in file.rates.items()},
        **{
            name: tuple(_floats(gaps) / _US_PER_S for gaps in column) for name, column in file.gaps_us.items()
        },
    }
    return BaselineRun(
        case=file.case,
        node=file.node,
        stage=file.stage,
        started=file.started,
        fingerprint={
            fact: Workload(value) if isinstance(value, Mapping) else value
            for fact, value in file.fingerprint.items()
        },
        measured=StageRun(samples, file.totals),
    )


def _check(run: BaselineRun) -> None:
    what = f"{run.case} ({run.stage}) cannot be kept as a baseline"
    if not run.measured.totals.get("success_requests"):
        raise BaselineError(f"{what}: no request was successful, so there is nothing to compare with")
    for name, total in run.measured.totals.items():
        if not isfinite(total):
            raise BaselineError(f"{what}: {name} is {total}, not a finite number; measure it again")


def _whole(column: Floats) -> list[int | None]:
    return [None if np.isnan(value) else round(value) for value in column.tolist()]


def _rounded(column: Floats) -> list[float | None]:
    return [None if np.isnan(value) else float(f"{value:.{_RATE_DIGITS}g}") for value in column.tolist()]


def _floats(column: list[int] | list[int | None] | list[float | None]) -> Floats:
    return np.array(column, dtype=np.float64)
