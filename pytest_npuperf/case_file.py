"""``npuperf.yaml``: read, validated to the last key, and turned into cases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from pytest_npuperf.case import Case
from pytest_npuperf.durations import parse_duration
from pytest_npuperf.errors import CaseError
from pytest_npuperf.load.plan import ClosedLoop
from pytest_npuperf.slo.budget import Budget
from pytest_npuperf.slo.parser import parse_budget
from pytest_npuperf.wire.timeouts import Timeouts
from pytest_npuperf.workload import Dataset, Gsm8kShaped, parse_dataset
from pytest_npuperf.yaml_source import YamlSource

__all__ = ["CaseFile", "ServerSection", "read_case_file"]

_Task = Literal["text-generation", "image-text-to-text", "any-to-any"]
_Positive = Annotated[int, msgspec.Meta(ge=1)]
_NotNegative = Annotated[int, msgspec.Meta(ge=0)]
_T = TypeVar("_T")


class _Duration(float):
    """Seconds, written as ``10`` or ``"500 ms"``."""


class _Section(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    pass


class ServerSection(_Section, kw_only=True):
    """``server``: how the adapter is deployed. Options win over it."""

    ready_timeout: _Duration | None = None
    env: dict[str, str | int | float] = {}


class _Load(_Section, kw_only=True):
    concurrency: _Positive | list[_Positive] = 1


class _Timeouts(_Section, kw_only=True):
    connect: _Duration | None = None
    first_chunk: _Duration | None = None
    between_chunks: _Duration | None = None
    total: _Duration | None = None


class _Defaults(_Section, kw_only=True):
    dataset: Any = None
    load: _Load | None = None
    requests: _Positive | None = None
    max_tokens: _Positive | None = None
    warmup: _NotNegative | None = None
    timeouts: _Timeouts | None = None
    slo: str | list[str] | None = None
    seed: int | None = None


class _Case(_Defaults, kw_only=True):
    name: str
    task: _Task | None = None


class _File(_Section, kw_only=True):
    task: _Task | None = None
    server: ServerSection | None = None
    defaults: _Defaults = msgspec.field(default_factory=_Defaults)
    cases: list[_Case]


@dataclass(frozen=True, slots=True)
class CaseFile:
    """What one ``npuperf.yaml`` says."""

    server: ServerSection | None
    cases: tuple[tuple[int, Case], ...]
    """Each case with the line of the file that it begins on."""


def read_case_file(path: Path) -> CaseFile:
    """Read and validate a case file.

    Raises:
        CaseError: The file is not valid; the message has its name, the line, the key path, the
            value seen and what is allowed.
    """
    source = YamlSource.read(path)
    content = source.convert(_File, _decode)
    cases: list[tuple[int, Case]] = []
    for number, entry in enumerate(content.cases):
        place = f"$.cases[{number}]"
        if any(entry.name == other.name for other in content.cases[:number]):
            raise source.error(
                f"{place}.name", f"there is already a case named {entry.name!r}; names are unique"
            )
        line = source.line(place)
        cases.extend((line, case) for case in _expand(entry, content, source, place))
    return CaseFile(content.server, tuple(cases))


def _expand(entry: _Case, content: _File, source: YamlSource, place: str) -> Iterator[Case]:
    """One case for each element of the lists under ``load``."""
    defaults = content.defaults

    def place_of(key: str) -> str:
        return f"{place if getattr(entry, key) is not None else '$.defaults'}.{key}"

    load = _first(entry.load, defaults.load, _Load())
    listed = isinstance(load.concurrency, list)
    if listed and not load.concurrency:
        raise source.error(
            f"{place_of('load')}.concurrency", "the list is empty; give at least one concurrency"
        )
    for concurrency in load.concurrency if isinstance(load.concurrency, list) else [load.concurrency]:
        given = {
            key: _first(getattr(entry, key), getattr(defaults, key), None)
            for key in ("requests", "max_tokens", "warmup", "seed")
        }
        yield Case(
            name=f"{entry.name}[concurrency={concurrency}]" if listed else entry.name,
            dataset=_dataset(_first(entry.dataset, defaults.dataset, None), source, place_of("dataset")),
            load=ClosedLoop(concurrency),
            timeouts=_timeouts(_first(entry.timeouts, defaults.timeouts, _Timeouts())),
            slo=_budgets(_first(entry.slo, defaults.slo, []), source, place_of("slo")),
            task=entry.task or content.task,
            **{key: value for key, value in given.items() if value is not None},
        )


def _first(own: _T | None, default: _T | None, fallback: _T) -> _T:
    """A key of the case replaces the same key of the defaults as a whole."""
    return next((value for value in (own, default) if value is not None), fallback)


def _dataset(value: Any, source: YamlSource, place: str) -> Dataset:
    if value is None:
        return Gsm8kShaped()
    try:
        return parse_dataset(value, base=source.path.parent)
    except CaseError as exc:
        raise source.error(place, str(exc)) from exc


def _timeouts(section: _Timeouts) -> Timeouts:
    given = msgspec.structs.asdict(section)
    return Timeouts(**{key: float(value) for key, value in given.items() if value is not None})


def _budgets(expressions: str | Sequence[str], source: YamlSource, place: str) -> tuple[Budget, ...]:
    budgets = []
    listed = [expressions] if isinstance(expressions, str) else expressions
    for number, expression in enumerate(listed):
        try:
            budgets.append(parse_budget(expression))
        except CaseError as exc:
            raise source.error(
                place if isinstance(expressions, str) else f"{place}[{number}]", str(exc)
            ) from exc
    return tuple(budgets)


def _decode(wanted: type, value: Any) -> Any:
    if wanted is _Duration:
        return _Duration(parse_duration(value))
    raise NotImplementedError(wanted)
