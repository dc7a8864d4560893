"""What holds for a case wherever it is written: how long its load lasts, and which values are allowed."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pytest_npuperf.case import DEFAULT_REQUESTS, Abort, Case
from pytest_npuperf.load.plan import (
    Arrival,
    Cancel,
    ClosedLoop,
    Gamma,
    OpenLoop,
    Ramp,
    Rate,
    RateStep,
    Replay,
)

__all__ = ["Fault", "bounds", "faults", "missing_stage"]

_OWN_HEADERS = {
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "host",
    "transfer-encoding",
    "user-agent",
    "x-request-id",
}
"""The client writes them: a second one would contradict it."""
_OWN_FIELDS = ("messages", "stream")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")


class Fault(NamedTuple):
    """A value of a case that is not allowed."""

    key: str
    """Which one, as ``Npuperf.run`` calls it: ``load.concurrency``."""
    what: str


def bounds(
    requests: int | None, duration: float | None, load: ClosedLoop | OpenLoop | Replay, *, until: bool
) -> tuple[int | None, float | None]:
    """At most how many requests are measured, and for how many seconds, where both may be left out.

    A rate that changes lasts as long as it says, a recorded trace to its end, any other load for 8
    requests; but one that goes on ``until`` it is precise enough needs a bound that somebody chose.
    """
    if requests is not None or duration is not None or isinstance(load, Replay):
        return requests, duration
    if isinstance(load, OpenLoop) and isinstance(load.rate, tuple):
        return None, sum(step.duration for step in load.rate)
    if isinstance(load, OpenLoop) and isinstance(load.rate, Ramp):
        return None, load.rate.duration
    return (None if until else DEFAULT_REQUESTS), None


def faults(case: Case) -> Iterator[Fault]:
    """Yield what is not allowed in a case, or does not go together."""
    yield from _load(case.load)
    if isinstance(case.load, Replay) and not case.is_timed:
        yield Fault(
            "load.replay",
            f"a {type(case.dataset).__name__} dataset does not say when each request is sent: "
            "use a mooncake trace or give a rate",
        )
    yield from _count("requests", case.requests, 1)
    yield from _count("warmup", case.warmup, 0)
    yield from _count("cooldown", case.cooldown, 0)
    yield from _count("max_tokens", case.max_tokens, 1)
    yield from _positive("duration", case.duration)
    yield from _cancel(case.cancel)
    yield from _abort(case.abort)
    yield from _headers(case.headers)
    yield from _fields(case.extra_body)
    if case.until and case.requests is None and case.duration is None:
        yield Fault(
            "until",
            "the load would not end if its figures never get so exact: give requests or a duration too",
        )
    if case.search is not None and case.sweep is not None:
        yield Fault("search", "there is a sweep too, but one case does one of them: make two cases of it")
    yield from _stages(case)


def missing_stage(case: Case, stage: str) -> str:
    """Why a case cannot have a stage that a budget is on, and what to do; '' where it can."""
    if stage == "steady" and not case.steady:
        return "the case does not report its steady stage: ask for it by stage: steady (steady=True in run)"
    turns = case.most_turns
    if not stage.startswith("turn ") or turns is None or int(stage.removeprefix("turn ")) <= turns:
        return ""
    if turns:
        return f"there is no {stage}, as conversations of the case have at most {turns}"
    return (
        f"there is no {stage} without conversations: "
        "use the dataset conversation, or sharegpt with turns above 1"
    )


def _stages(case: Case) -> Iterator[Fault]:
    written = [("advisory" if budget.advisory else "slo", budget) for budget in case.slo]
    if case.search is not None:
        written += [("search.while", budget) for budget in case.search.budgets]
    for key, budget in written:
        what = missing_stage(case, budget.stage)
        if what:
            yield Fault(key, f"budget {budget.expression!r}: {what}")


def _load(load: ClosedLoop | OpenLoop | Replay) -> Iterator[Fault]:
    yield from _count("load.concurrency", load.concurrency, 1)
    match load:
        case ClosedLoop():
            if not _is_amount(load.think_time):
                yield Fault("load.think_time", f"{load.think_time!r} is not allowed: give seconds, 0 or more")
        case OpenLoop():
            yield from _rate(load.rate)
            yield from _arrival(load.arrival)
        case Replay():
            yield from _positive("load.replay.speed", load.speed)


def _rate(rate: Rate) -> Iterator[Fault]:
    key = "load.rate"
    match rate:
        case tuple():
            yield from _steps(rate)
        case Ramp(shape="exponential"):
            yield from _positive(f"{key}.exponential.start", rate.start)
            yield from _positive(f"{key}.exponential.end", rate.end)
            yield from _positive(f"{key}.exponential.duration", rate.duration)
        case Ramp():
            for name, value in (("start", rate.start), ("end", rate.end)):
                if not _is_amount(value):
                    yield Fault(f"{key}.linear.{name}", f"{value!r} is not allowed: give a rate, 0 or more")
            if rate.start == rate.end == 0:
                yield Fault(f"{key}.linear", "nothing is ever sent: give a start or an end above 0")
            yield from _positive(f"{key}.linear.duration", rate.duration)
        case _:
            yield from _positive(key, rate)


def _steps(steps: tuple[RateStep, ...]) -> Iterator[Fault]:
    for number, step in enumerate(steps):
        place = f"load.rate.steps[{number}]"
        if not _is_amount(step.rate):
            yield Fault(f"{place}.rate", f"{step.rate!r} is not allowed: give a rate, or 0 for a pause")
        yield from _positive(f"{place}.duration", step.duration)
    if not any(step.rate for step in steps):
        yield Fault("load.rate.steps", "nothing is ever sent: give at least one step with a rate above 0")


def _arrival(arrival: Arrival) -> Iterator[Fault]:
    if isinstance(arrival, Gamma):
        yield from _positive("load.arrival.gamma.burstiness", arrival.burstiness)


def _cancel(cancel: Cancel | None) -> Iterator[Fault]:
    if cancel is None:
        return
    yield from _share("cancel.share", cancel.share)
    if (cancel.after is None) == (cancel.after_tokens is None):
        yield Fault(
            "cancel",
            f"give one of after (now {cancel.after!r}) and after_tokens (now {cancel.after_tokens!r}): "
            "the time or the number of tokens after which a request is given up",
        )
    yield from _positive("cancel.after", cancel.after)
    yield from _count("cancel.after_tokens", cancel.after_tokens, 1)


def _abort(abort: Abort) -> Iterator[Fault]:
    if abort.failure_rate is not None:
        yield from _share("abort.failure_rate", abort.failure_rate)
    yield from _count("abort.consecutive_failures", abort.consecutive_failures, 1)
    yield from _count("abort.server_gone", abort.server_gone, 0)


def _headers(headers: Mapping[str, str]) -> Iterator[Fault]:
    for name, value in headers.items():
        if name.lower() == "authorization":
            yield Fault(
                "headers", f"{name!r} is not allowed: pass --npuperf-api-key, which is never written down"
            )
        elif name.lower() in _OWN_HEADERS:
            yield Fault("headers", f"{name!r} is not allowed: the client sets it itself")
        elif not _HEADER_NAME.fullmatch(name):
            yield Fault(
                "headers", f"{name!r} is no name of a header: it consists of letters, digits and dashes"
            )
        elif not _HEADER_VALUE.fullmatch(value):
            yield Fault("headers", f"{name!r} is {value!r}, but must be printable ASCII on one line")


def _fields(fields: Mapping[str, Any]) -> Iterator[Fault]:
    for name in _OWN_FIELDS:
        if name in fields:
            yield Fault(
                "extra_body",
                f"{name!r} is not allowed: what is sent follows from the dataset, and answers are streamed",
            )


def _count(key: str, value: int | None, least: int) -> Iterator[Fault]:
    if value is not None and value < least:
        yield Fault(key, f"{value!r} is not allowed: give a whole number of at least {least}")


def _positive(key: str, value: float | None) -> Iterator[Fault]:
    if value is not None and not (value > 0 and math.isfinite(value)):
        yield Fault(key, f"{value!r} is not allowed: give a number above 0")


def _share(key: str, value: float) -> Iterator[Fault]:
    if not 0 <= value <= 1:
        yield Fault(key, f"{value!r} is not allowed: give a share from 0 to 1")


def _is_amount(value: float) -> bool:
    return value >= 0 and math.isfinite(value)
