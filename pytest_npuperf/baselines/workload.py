"""The settings of a case that its load follows from, and which of them differ between two runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

__all__ = ["Workload", "portable", "workload_differences", "workload_of"]

# What neither changes the load nor what the server makes of it. Another seed is another sample of
# the same prompts.
_NO_WORKLOAD = ("name", "slo", "seed", "timeouts", "abort", "until", "search", "sweep", "steady", "headers")
_PLACES = ("path", "folder")
"""Settings of datasets that are paths."""
_SHOWN = 60
"""Characters of a value in a message."""


@dataclass(frozen=True, slots=True)
class Workload:
    """The settings of a case that its load follows from, as JSON has them; as a text it is their hash."""

    settings: Mapping[str, Any]

    def __str__(self) -> str:
        content = json.dumps(self.settings, sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]


def workload_of(settings: Mapping[str, Any]) -> Workload:
    """What counts of a case's settings, which are plain data."""
    counted = {name: value for name, value in settings.items() if name not in _NO_WORKLOAD}
    return Workload(json.loads(json.dumps(_portable(counted), default=str)))


def workload_differences(baseline: object, current: object) -> Iterator[str]:
    """Yield each setting that differs, with both values: ``load.concurrency: 8, in the baseline 4``.

    A setting that one side does not have, because another version wrote it, does not differ. Where a
    side has only the hash of its settings, as in the first version of the format, the hashes are told.
    """
    if isinstance(baseline, Workload) and isinstance(current, Workload):
        for name, value in baseline.settings.items():
            if name in current.settings:
                yield from _differences(name, value, current.settings[name])
    elif str(baseline) != str(current):
        yield (
            f"workload: {current}, in the baseline {baseline}; which setting it is cannot be told, "
            "as the baseline was saved without them"
        )


def portable(place: Any) -> Any:
    """A file or a model without its folder: it lies elsewhere on another machine."""
    if isinstance(place, (str, PurePath)) and PurePath(place).is_absolute():
        return PurePath(place).name
    return place


def _portable(value: Any, key: str = "") -> Any:
    """Settings without the folders of the files that they name."""
    if isinstance(value, Mapping):
        return {str(name): _portable(item, str(name)) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_portable(item, key) for item in value]
    return portable(value) if key in _PLACES else value


def _differences(name: str, baseline: Any, current: Any) -> Iterator[str]:
    if baseline == current:
        return
    if not isinstance(baseline, dict) or not isinstance(current, dict):
        yield f"{name}: {_short(current)}, in the baseline {_short(baseline)}"
    elif len(baseline) == len(current) == 1 and baseline.keys() != current.keys():  # two kinds of a dataset
        yield f"{name}: {next(iter(current))}, in the baseline {next(iter(baseline))}"
    else:
        for key in dict.fromkeys((*baseline, *current)):
            yield from _differences(f"{name}.{key}", baseline.get(key), current.get(key))


def _short(value: Any) -> str:
    if value is None:
        return "not set"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
