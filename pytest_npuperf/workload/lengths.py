"""How long prompts and answers are: one length, or a distribution of lengths."""

from __future__ import annotations

import math
import random
from bisect import bisect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate

from pytest_npuperf.errors import CaseError
from pytest_npuperf.workload.checks import check_count, check_number
from pytest_npuperf.workload.settings import nearest, take_keys

__all__ = [
    "Empirical",
    "Length",
    "Lognormal",
    "Normal",
    "Uniform",
    "Zipf",
    "draw_length",
    "parse_length",
    "shortest",
]


@dataclass(frozen=True, slots=True)
class Uniform:
    """Each length from ``min`` to ``max``, both included, equally often."""

    min: int
    max: int


@dataclass(frozen=True, slots=True)
class Normal:
    """Normally distributed lengths, rounded; what lies beyond ``min`` or ``max`` becomes that bound."""

    mean: float
    stddev: float
    min: int | None = None
    """None: as short as is allowed where the length is used."""
    max: int | None = None


@dataclass(frozen=True, slots=True)
class Lognormal:
    """Lengths with normally distributed logarithms, rounded and bounded like those of Normal.

    ``mean`` is the mean of the lengths before they are bounded, ``sigma`` the standard deviation of
    their natural logarithm.
    """

    mean: float
    sigma: float
    min: int | None = None
    """None: as short as is allowed where the length is used."""
    max: int | None = None


@dataclass(frozen=True, slots=True)
class Zipf:
    """Lengths from ``min`` to ``max``, where length k comes in proportion to ``k ** -alpha``."""

    alpha: float
    max: int
    min: int | None = None
    """None: as short as is allowed where the length is used."""


@dataclass(frozen=True, slots=True)
class Empirical:
    """Lengths that were seen, drawn with replacement."""

    values: tuple[int, ...]


Length = int | Uniform | Normal | Lognormal | Zipf | Empirical


def parse_length(name: str, value: object, *, at_least: int) -> Length:
    """Turn what stands under the setting ``name`` of a dataset into a Length; a Length is checked.

    No length that is drawn from it is below ``at_least``.

    Raises:
        CaseError: It is no length, or allows lengths below ``at_least``.
    """
    length = _read(name, value, at_least)
    if isinstance(length, (Normal, Lognormal, Zipf)) and length.min is None:
        length = replace(length, min=at_least)
    _check(name, length, at_least)
    return length


def draw_length(length: Length, rng: random.Random) -> int:
    """One length of a distribution that ``parse_length`` has checked."""
    match length:
        case int():
            return length
        case Uniform():
            return rng.randint(length.min, length.max)
        case Normal():
            return _bounded(rng.gauss(length.mean, length.stddev), length)
        case Lognormal():
            # The mean of exp(X) is exp(mu + sigma ** 2 / 2).
            mu = math.log(length.mean) - length.sigma**2 / 2
            return _bounded(math.exp(rng.gauss(mu, length.sigma)), length)
        case Zipf():
            weights = _zipf_weights(length.alpha, shortest(length), length.max)
            return shortest(length) + bisect(weights, rng.random() * weights[-1], hi=len(weights) - 1)
        case Empirical():
            return rng.choice(length.values)


def shortest(length: Length) -> int:
    """No length that is drawn is below this."""
    match length:
        case int():
            return length
        case Empirical():
            return min(length.values)
        case _:
            return 1 if length.min is None else length.min


def _read(name: str, value: object, at_least: int) -> Length:
    if isinstance(value, (int, Uniform, Normal, Lognormal, Zipf, Empirical)):
        return value
    if isinstance(value, (list, tuple)):
        return Empirical(tuple(value))
    if isinstance(value, Mapping) and len(value) == 1:
        ((kind, settings),) = value.items()
        if kind == "values":
            return _read_values(name, settings)
        if kind in _KINDS:
            make, required, optional = _KINDS[kind]
            return make(**take_keys(f"{name}.{kind}", settings, required=required, optional=optional))
        raise CaseError(
            f"dataset: {name} has no {kind!r}{nearest(kind, (*_KINDS, 'values'))}; "
            f"it must be {_allowed(at_least)}"
        )
    raise CaseError(f"dataset: {name} is {value!r}, but must be {_allowed(at_least)}")


def _read_values(name: str, values: object) -> Empirical:
    if not isinstance(values, (list, tuple)):
        raise CaseError(f"dataset: {name}.values is {values!r}, but must be a list of lengths")
    return Empirical(tuple(values))


_KINDS: dict[str, tuple[Callable[..., Length], tuple[str, ...], tuple[str, ...]]] = {
    "uniform": (Uniform, ("min", "max"), ()),
    "normal": (Normal, ("mean", "stddev"), ("min", "max")),
    "lognormal": (Lognormal, ("mean", "sigma"), ("min", "max")),
    "zipf": (Zipf, ("alpha", "max"), ("min",)),
}


def _allowed(at_least: int) -> str:
    return (
        f"a whole number of at least {at_least}, a list of such numbers to draw from, or one of "
        f"{{uniform: {{min: {at_least}, max: 200}}}}, {{normal: {{mean: 1024, stddev: 100}}}}, "
        "{lognormal: {mean: 1024, sigma: 0.6, max: 4096}}, {zipf: {alpha: 1.2, max: 4096}}"
    )


def _check(name: str, length: Length, at_least: int) -> None:
    if isinstance(length, Empirical):
        if not length.values:
            raise CaseError(f"dataset: {name} is an empty list, but must hold at least one length")
        for value in length.values:
            check_count(f"a value of {name}", value, at_least=at_least)
        return
    if isinstance(length, int):
        check_count(name, length, at_least=at_least)
        return
    name = f"{name}.{type(length).__name__.lower()}"
    match length:
        case Normal():
            check_number(f"{name}.mean", length.mean, positive=True)
            check_number(f"{name}.stddev", length.stddev)
        case Lognormal():
            check_number(f"{name}.mean", length.mean, positive=True)
            check_number(f"{name}.sigma", length.sigma)
        case Zipf():
            check_number(f"{name}.alpha", length.alpha)
    _check_bounds(name, length.min, length.max, at_least)


def _check_bounds(name: str, low: object, high: int | None, at_least: int) -> None:
    check_count(f"{name}.min", low, at_least=at_least)
    if high is not None:
        check_count(f"{name}.max", high, at_least=at_least)
        if isinstance(low, int) and high < low:
            raise CaseError(f"dataset: {name}.max is {high}, which is below its min, {low}")


def _bounded(value: float, length: Normal | Lognormal) -> int:
    rounded = max(shortest(length), round(value))
    return rounded if length.max is None else min(rounded, length.max)


@lru_cache(maxsize=4)
def _zipf_weights(alpha: float, low: int, high: int) -> list[float]:
    """Sums of the weights up to each length."""
    return list(accumulate(k**-alpha for k in range(low, high + 1)))
