"""``load`` in ``npuperf.yaml``: which loads it stands for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

from pytest_npuperf.capacity.settings import LoadAxis
from pytest_npuperf.case_schema import ArrivalSection, LoadSection, RateSection, ReplaySection
from pytest_npuperf.errors import CaseError
from pytest_npuperf.load.plan import (
    Arrival,
    ClosedLoop,
    Constant,
    Gamma,
    OpenLoop,
    Poisson,
    Ramp,
    Rate,
    RateStep,
    Replay,
)

__all__ = ["loads"]

_ANY_RATE = 1.0
"""Where a search or a sweep sets the rate."""

_Error = Callable[[str, str], CaseError]


def loads(
    section: LoadSection, axis: LoadAxis | None, error: _Error
) -> Iterator[tuple[str, ClosedLoop | OpenLoop | Replay]]:
    """Yield each load of a section with what it adds to the name of its case.

    Lists give every combination of their numbers. ``axis`` is what a search or a sweep of the case
    varies; ``error`` makes an error of a key of the section and what is wrong there.

    Raises:
        CaseError: Keys contradict each other, or a list is empty or repeats itself.
    """
    contradiction = _contradiction(section, axis)
    if contradiction is not None:
        raise error(*contradiction)
    for key in ("concurrency", "rate"):
        _check_list(key, getattr(section, key), error)
    concurrencies = section.concurrency if isinstance(section.concurrency, list) else [section.concurrency]
    rates = section.rate if isinstance(section.rate, list) else [section.rate]
    for concurrency, rate in product(concurrencies, rates):
        label = [f"concurrency={concurrency}"] if isinstance(section.concurrency, list) else []
        label += [f"rate={rate:g}"] if isinstance(section.rate, list) else []
        load = _load(section, concurrency, None if rate is None else _rate(rate, error), axis)
        yield f"[{','.join(label)}]" if label else "", load


def _contradiction(section: LoadSection, axis: LoadAxis | None) -> tuple[str, str] | None:
    """A key that does not go with the others, and why."""
    replayed = bool(section.replay)
    paced = section.rate is not None or axis == "rate"
    if replayed and (paced or axis):
        return "replay", "the dataset says when each request is sent: leave out rate, search and sweep"
    if section.arrival is not None and replayed:
        return "arrival", "the dataset says when each request is sent: leave out arrival or replay"
    if section.arrival is not None and not paced:
        return "arrival", "there is no rate at which requests could arrive: give rate too"
    if section.think_time is not None and (replayed or paced):
        return "think_time", (
            "only the clients of a closed loop wait between an answer and their next request: "
            "leave out think_time, or what says when requests are sent (rate, replay)"
        )
    if section.rate is not None and axis == "concurrency":
        return "rate", "search and sweep vary the clients of a closed loop, which has no rate: leave it out"
    if axis is not None and isinstance(getattr(section, axis), list):
        return axis, "search and sweep choose it: leave out the list"
    return None


def _check_list(key: str, value: object, error: _Error) -> None:
    if not isinstance(value, list):
        return
    if not value:
        raise error(key, "the list is empty; give at least one number")
    for number in value:
        if value.count(number) > 1:
            raise error(key, f"{number:g} is in the list twice; each number makes one case")


def _load(
    section: LoadSection, concurrency: int | None, rate: Rate | None, axis: LoadAxis | None
) -> ClosedLoop | OpenLoop | Replay:
    if section.replay:
        speed = section.replay.speed if isinstance(section.replay, ReplaySection) else 1.0
        return Replay(speed, concurrency)
    if rate is None and axis != "rate":
        return ClosedLoop(1 if concurrency is None else concurrency, float(section.think_time or 0))
    return OpenLoop(_ANY_RATE if rate is None else rate, _arrival(section.arrival), concurrency)


def _arrival(written: str | ArrivalSection | None) -> Arrival:
    if isinstance(written, ArrivalSection):
        return Gamma(written.gamma.burstiness)
    return Constant() if written == "constant" else Poisson()


def _rate(written: float | RateSection, error: _Error) -> Rate:
    if not isinstance(written, RateSection):
        return written
    linear, exponential, steps = written.linear, written.exponential, written.steps
    if (linear is None) + (exponential is None) + (steps is None) != 2:
        raise error("rate", "give a number, or one of steps, linear and exponential")
    if steps is not None:
        return tuple(RateStep(step.rate, float(step.duration)) for step in steps)
    if linear is not None:
        return Ramp(linear.start, linear.end, float(linear.duration), "linear")
    assert exponential is not None
    return Ramp(exponential.start, exponential.end, float(exponential.duration), "exponential")
