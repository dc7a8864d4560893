"""``npuperf.yaml``: read, validated to the last key, and turned into cases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, get_args

import msgspec

from pytest_npuperf.capacity.settings import LoadAxis, Search, Sweep
from pytest_npuperf.case import Abort, Case
from pytest_npuperf.case_rules import bounds, faults
from pytest_npuperf.case_schema import (
    AbortSection,
    CancelSection,
    CaseSection,
    FileSection,
    LoadSection,
    RequestSection,
    SearchSection,
    ServerSection,
    SweepSection,
    TimeoutsSection,
    decode,
)
from pytest_npuperf.errors import CaseError
from pytest_npuperf.load.plan import Cancel
from pytest_npuperf.load_section import loads
from pytest_npuperf.slo.budget import Budget
from pytest_npuperf.slo.parser import parse_budget
from pytest_npuperf.slo.precision import Precision, parse_precision
from pytest_npuperf.wire.timeouts import Timeouts
from pytest_npuperf.workload import Dataset, Gsm8kShaped, parse_dataset
from pytest_npuperf.yaml_source import YamlSource

__all__ = ["CaseFile", "ServerSection", "read_case_file"]

_WRITTEN_AS = {"headers": "request.headers", "extra_body": "request.extra_body"}
"""Where a setting of a case stands in the file, if not under its own name."""
_SAMPLING = ("temperature", "top_p", "seed")
_AXES = get_args(LoadAxis)
_T = TypeVar("_T")


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
    content = source.convert(FileSection, decode)
    if not content.cases:
        raise source.error(
            "$.cases",
            "the list is empty; give at least one case, such as {name: chat}, or remove the file: "
            "without one the built-in case runs",
        )
    cases: list[tuple[int, Case]] = []
    for number, entry in enumerate(content.cases):
        place = f"$.cases[{number}]"
        if any(entry.name == other.name for other in content.cases[:number]):
            raise source.error(
                f"{place}.name", f"there is already a case named {entry.name!r}; names are unique"
            )
        if not entry.name.isprintable():
            raise source.error(
                f"{place}.name", f"{entry.name!r} has characters that cannot be printed; leave them out"
            )
        line = source.line(place)
        cases.extend((line, case) for case in _Entry(entry, content, source, place).cases())
    return CaseFile(content.server, tuple(cases))


class _Entry:
    """One of ``cases``, with the defaults behind it."""

    def __init__(self, own: CaseSection, content: FileSection, source: YamlSource, place: str) -> None:
        self._own = own
        self._content = content
        self._source = source
        self._place = place

    def cases(self) -> Iterator[Case]:
        """One case for each of the loads.

        Raises:
            CaseError: The entry is not valid.
        """
        section = self._value("load", LoadSection())
        search, sweep = self._search(), self._sweep()
        settings: dict[str, Any] = {
            "dataset": self._dataset(),
            "timeouts": _timeouts(self._value("timeouts", TimeoutsSection())),
            "cancel": _cancel(self._value("cancel", None)),
            "abort": _abort(self._value("abort", AbortSection())),
            "until": self._until(),
            "search": search,
            "sweep": sweep,
            "steady": self._value("stage", "total") == "steady",
            "slo": self._slo(),
            "task": self._own.task or self._content.task,
            **self._request(),
            **self._plain("max_tokens", "warmup", "cooldown", "seed"),
        }
        axis = _axis(search, sweep)
        for label, load in loads(section, axis, lambda key, what: self._error(f"load.{key}", what)):
            requests, duration = bounds(
                self._requests(), _seconds(section.duration), load, until=bool(settings["until"])
            )
            case = Case(
                name=f"{self._own.name}{label}", load=load, requests=requests, duration=duration, **settings
            )
            fault = next(faults(case), None)
            if fault is not None:
                raise self._error(_WRITTEN_AS.get(fault.key, fault.key), fault.what)
            yield case

    def _value(self, key: str, fallback: _T) -> _T:
        """A key of the case replaces the same key of the defaults as a whole."""
        written = (getattr(self._own, key), getattr(self._content.defaults, key))
        return next((value for value in written if value is not None), fallback)

    def _plain(self, *keys: str) -> dict[str, Any]:
        given = {key: self._value(key, None) for key in keys}
        return {key: value for key, value in given.items() if value is not None}

    def _requests(self) -> int | None:
        """The defaults' bound is not meant for a case that has its own duration."""
        has_duration = self._own.load is not None and self._own.load.duration is not None
        return self._own.requests if has_duration else self._value("requests", None)

    def _error(self, key: str, what: str) -> CaseError:
        first = re.split(r"[.\[]", key)[0]
        inherited = getattr(self._own, first) is None and getattr(self._content.defaults, first) is not None
        return self._source.error(f"{'$.defaults' if inherited else self._place}.{key}", what)

    def _dataset(self) -> Dataset:
        written = self._value("dataset", None)
        if written is None:
            return Gsm8kShaped()
        with self._errors_at("dataset"):
            return parse_dataset(written, base=self._source.path.parent)

    def _until(self) -> tuple[Precision, ...]:
        written: dict[str, str | float] = self._value("until", {})
        with self._errors_at("until"):
            return tuple(parse_precision(figure, share) for figure, share in written.items())

    def _search(self) -> Search | None:
        section: SearchSection | None = self._value("search", None)
        if section is None:
            return None
        budgets = self._budgets("search.while", section.budgets)
        limits = {"lowest": section.lowest, "highest": section.highest}
        with self._errors_at("search"):
            return Search(section.maximize, budgets, **{k: v for k, v in limits.items() if v is not None})

    def _sweep(self) -> Sweep | None:
        section: SweepSection | None = self._value("sweep", None)
        if section is None:
            return None
        given = [axis for axis in _AXES if getattr(section, axis) is not None]
        if len(given) != 1:
            raise self._error("sweep", f"give one of {' and '.join(_AXES)}, as in {{concurrency: [1, 2, 4]}}")
        with self._errors_at("sweep"):
            return Sweep(given[0], tuple(getattr(section, given[0])))

    def _request(self) -> dict[str, Any]:
        section = self._value("request", RequestSection())
        fields = {name: getattr(section, name) for name in _SAMPLING if getattr(section, name) is not None}
        for name in fields:
            if name in section.extra_body:
                raise self._error("request.extra_body", f"{name!r} stands in request already: leave one out")
        headers = {name: str(value) for name, value in section.headers.items()}
        return {"extra_body": fields | section.extra_body, "headers": headers}

    def _slo(self) -> tuple[Budget, ...]:
        advisory = self._budgets("advisory", self._value("advisory", []))
        return (
            *self._budgets("slo", self._value("slo", [])),
            *(replace(budget, advisory=True) for budget in advisory),
        )

    def _budgets(self, key: str, written: str | list[str]) -> tuple[Budget, ...]:
        if isinstance(written, str):
            return (self._budget(key, written),)
        return tuple(self._budget(f"{key}[{number}]", text) for number, text in enumerate(written))

    def _budget(self, key: str, text: str) -> Budget:
        opened, closed = text.count("("), text.count(")")
        if opened != closed:
            raise self._error(
                key,
                f"{text!r} has a parenthesis that is not {'closed' if opened > closed else 'opened'}; "
                "YAML splits flow lists at commas: quote the budget, or give it a line of its own",
            )
        with self._errors_at(key):
            return replace(parse_budget(text), require_support=self._value("require_support", False))

    @contextmanager
    def _errors_at(self, key: str) -> Iterator[None]:
        try:
            yield
        except CaseError as exc:
            raise self._error(key, str(exc)) from exc


def _axis(search: Search | None, sweep: Sweep | None) -> LoadAxis | None:
    if search is not None:
        return search.maximize
    return None if sweep is None else sweep.axis


def _timeouts(section: TimeoutsSection) -> Timeouts:
    return Timeouts(**{key: float(value) for key, value in _given(section).items()})


def _cancel(section: CancelSection | None) -> Cancel | None:
    if section is None:
        return None
    return Cancel(float(section.share), _seconds(section.after), section.after_tokens)


def _abort(section: AbortSection) -> Abort:
    given = _given(section)
    if "failure_rate" in given:
        given["failure_rate"] = float(given["failure_rate"])
    return Abort(**given)


def _given(section: msgspec.Struct) -> dict[str, Any]:
    """The keys of a section that somebody wrote."""
    return {key: value for key, value in msgspec.structs.asdict(section).items() if value is not None}


def _seconds(duration: float | None) -> float | None:
    # a plain float: the type that the file's durations have goes into no case
    return None if duration is None else float(duration)
