"""Settings of datasets as they stand in a case, checked by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pytest_npuperf.durations import parse_duration
from pytest_npuperf.errors import CaseError

__all__ = ["nearest", "path_of", "seconds_of", "take_keys"]


def take_keys(
    name: str, settings: object, *, required: Sequence[str] = (), optional: Sequence[str] = ()
) -> dict[str, Any]:
    """The settings of dataset ``name`` as keyword arguments, once their names have been checked.

    Raises:
        CaseError: They are no mapping, one is not allowed, or a required one is missing.
    """
    allowed = (*required, *optional)
    if not isinstance(settings, Mapping):
        raise CaseError(
            f"dataset: {name} is {settings!r}, but must be settings by name: {', '.join(allowed)}"
        )
    for key in settings:
        if key not in allowed:
            raise CaseError(
                f"dataset: {name} has no setting {key!r}{nearest(key, allowed)}; "
                f"allowed: {', '.join(allowed)}"
            )
    missing = [key for key in required if key not in settings]
    if missing:
        raise CaseError(f"dataset: {name} lacks {' and '.join(missing)}; it takes {', '.join(allowed)}")
    return dict(settings)


def path_of(name: str, value: object, base: Path) -> Path:
    """A path in a setting; a relative one starts at ``base``.

    Raises:
        CaseError: It is no path.
    """
    if not isinstance(value, (str, Path)):
        raise CaseError(f"dataset: {name} is {value!r}, but must be the path of a file or folder")
    return base / Path(value).expanduser()


def seconds_of(name: str, value: Any) -> Any:
    """A time in a setting, where a text is a duration such as ``500 ms``; other values pass through.

    Raises:
        CaseError: It is a text that is no duration.
    """
    if not isinstance(value, str):
        return value
    try:
        return parse_duration(value)
    except ValueError as error:
        raise CaseError(f"dataset: {name}: {error}") from error


def nearest(seen: object, allowed: Sequence[str]) -> str:
    """A hint at the allowed word that looks most like the one seen, '' where none does."""
    near = get_close_matches(str(seen), allowed, n=1)
    return f" (did you mean {near[0]}?)" if near else ""
