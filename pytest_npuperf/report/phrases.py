"""Values of settings as people say them."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

__all__ = ["counted", "duration", "length", "others", "plain", "share"]

_MOST_VALUES = 6
"""A longer list of lengths is told by its ends."""
_DIGITS = 6


def plain(value: Any) -> str:
    """The value as one writes it in a sentence: ``1500``, ``0.5``, ``1, 2, 4``, ``top 1, bottom 2``."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else f"{value:.{_DIGITS}g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {plain(each)}" for name, each in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(plain, value))
    return "-" if value is None else str(value)


def counted(number: Any, noun: str) -> str:
    """``1 request``, ``2 requests``."""
    return f"{plain(number)} {noun}{'' if number == 1 else 's'}"


def duration(seconds: Any) -> str:
    """``15 s``, ``50 ms``."""
    if isinstance(seconds, (int, float)) and 0 < seconds < 1:
        return f"{plain(seconds * 1000.0)} ms"
    return f"{plain(seconds)} s"


def share(part: Any) -> str:
    """``33 %`` of a share between 0 and 1."""
    return f"{plain(part * 100.0)} %" if isinstance(part, (int, float)) else plain(part)


def length(value: Any, noun: str) -> str:
    """A length or a distribution of lengths, as datasets have them, of things called ``noun``."""
    if not isinstance(value, Mapping):
        return counted(value, noun)
    known = {name: each for name, each in value.items() if each is not None}
    bounds = _bounds(known)
    if "mean" in known:
        form = "normal, standard deviation" if "stddev" in known else "lognormal, sigma"
        spread = plain(known.get("stddev", known.get("sigma")))
        inside = f"{form} {spread}" + (f", {bounds}" if bounds else "")
        return f"{counted(known['mean'], noun)} on average ({inside})"
    if "alpha" in known:
        return f"{bounds} {noun}s (Zipf, alpha {plain(known['alpha'])})"
    if "values" in known:
        return _listed(known["values"], noun)
    if bounds:
        return f"{bounds} {noun}s"
    return f"{noun}s {plain(known)}"


def others(settings: Mapping[str, Any], *, without: Container[str]) -> Iterator[str]:
    """Settings that nobody has words for, by name and value; those of no value are left out."""
    for name, value in settings.items():
        if name not in without and value not in (None, "", (), [], {}):
            yield f"{str(name).replace('_', ' ')} {plain(value)}"


def _bounds(known: Mapping[str, Any]) -> str:
    low, high = known.get("min"), known.get("max")
    if low is None and high is None:
        return ""
    if high is None:
        return f"at least {plain(low)}"
    return f"at most {plain(high)}" if low is None else f"{plain(low)} to {plain(high)}"


def _listed(values: Any, noun: str) -> str:
    if not isinstance(values, Sequence) or isinstance(values, str) or not values:
        return f"{noun}s {plain(values)}"
    if len(values) > _MOST_VALUES:
        return f"{plain(min(values))} to {plain(max(values))} {noun}s (one of {len(values)} lengths)"
    *first, last = map(plain, values)
    return f"{', '.join(first)} or {last} {noun}s" if first else counted(values[0], noun)
