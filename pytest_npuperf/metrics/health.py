"""The client's own health: whether what it measured is the server or itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pytest_npuperf.metrics.requests import NS_PER_S, request_values
from pytest_npuperf.trace import UNKNOWN, ClientUsage, Ints, Trace

__all__ = ["HEALTH_LIMITS", "ClientHealth", "HealthLimit", "client_health", "reached_limits"]

State = Literal["ok", "suspect", "invalid"]

_TOLERANCE = 0.001
"""Seconds by which a request may go out late: scheduling on a machine that is not idle."""
_SHORTEST = 0.1
"""Seconds of load below which neither its use of the processor nor its lateness says anything."""
_SHORTEST_SCHEDULE = 1.0
"""Seconds of arrivals below which a few ms of lateness would pass for another rate."""
_FEW = 10
"""Fewer events than that are chance, however large a share of a short load they are."""


@dataclass(frozen=True, slots=True)
class HealthLimit:
    """From which share on a figure makes the client suspect, and from which on invalid, if ever."""

    suspect: float
    invalid: float | None
    what: str


# Kernel stamps keep a late client out of the latencies until several chunks share one read: then
# all have the stamp of the last. Each such read makes one gap too long and others zero, so P99 of
# ITL is wrong before 1 % of the reads are crowded, and P99 of TTFT when 1 % of the first ones are.
# A processor that is hard to get is only a sign: stamps are right as long as no reads are crowded.
HEALTH_LIMITS: Mapping[str, HealthLimit] = {
    "crowded_reads": HealthLimit(
        0.002, 0.01, "of the reads held several chunks that a prompt client would have told apart"
    ),
    "crowded_first": HealthLimit(
        0.01, 0.05, "of the first chunks shared a read with others that a prompt client would have told apart"
    ),
    "late_share": HealthLimit(
        0.05, 0.20, "of the load's time went by between a request being due and being sent"
    ),
    "rate_shortfall": HealthLimit(0.02, 0.10, "of the arrival rate asked for was not achieved"),
    "run_delay_share": HealthLimit(
        0.25, 0.50, "of the time the load generator was ready to run but had no processor"
    ),
    "cpu_share": HealthLimit(0.90, 0.98, "of a processor was used by the load generator"),
    "unstamped_reads": HealthLimit(0.01, None, "of the reads came without a kernel stamp"),
}
"""By the names that the shares have in ``ClientHealth``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientHealth:
    """Figures of the client, and what they make of the measurement.

    ``ok``: the figures describe the server. ``suspect``: they may hold a part of the client.
    ``invalid``: the client was the bottleneck. Shares are between 0 and 1, None where they are
    not known; rates are in requests a second, None in a closed loop.
    """

    state: State
    reasons: tuple[str, ...]
    """Why it is not ok, in words."""
    asked_rate: float | None
    """From the first request that was due to the last."""
    achieved_rate: float | None
    """From the first request that was sent to the last."""
    crowded_reads: float | None
    """Reads of several chunks some of which may have waited for the client, as a share of all reads."""
    crowded_first: float | None
    """Requests whose first chunk came in such a read, as a share of those that got one."""
    late_share: float | None
    """Schedule delay above 1 ms as a share of the time clients spent on requests, the delay included.
    None where that time is too short to tell, and where arrivals wait for one of a bounded number of
    clients: such a wait is not the client's fault."""
    rate_shortfall: float | None
    """Share of the asked rate that was not achieved; None as for ``late_share``, in a closed loop, and
    where all were due within a second."""
    run_delay_share: float | None
    cpu_share: float | None
    unstamped_reads: float | None


def client_health(
    trace: Trace, usage: ClientUsage, *, scheduled: bool = False, bounded: bool = False
) -> ClientHealth:
    """Judge the client by what it recorded of itself.

    Args:
        trace: What it sent and received.
        usage: What it used meanwhile.
        scheduled: Whether requests were due at moments of their own (an open loop), not when a client
            had its last answer.
        bounded: Whether in such a loop only so many were in flight at once, and others had to wait.
    """
    asked_rate = _rate(trace.t_scheduled) if scheduled else None
    achieved_rate = _rate(trace.t_sent) if scheduled else None
    crowded = _crowded(trace)
    measured = usage.wall_time if usage.wall_time >= _SHORTEST * NS_PER_S else 0
    shares = {
        **{name: _share(*counts) for name, counts in crowded.items()},
        "late_share": None if bounded else _late_share(trace),
        "rate_shortfall": _rate_shortfall(trace) if scheduled and not bounded else None,
        "run_delay_share": None if usage.run_delay == UNKNOWN else _share(usage.run_delay, measured),
        "cpu_share": _share(usage.cpu_time, measured),
        "unstamped_reads": _share(int(trace.unstamped_reads.sum()), int(trace.reads.sum())),
    }
    reached = dict(_reached(shares, _few(crowded)))
    return ClientHealth(
        state=_worst(reached),
        reasons=tuple(f"{shares[name]:.1%} {HEALTH_LIMITS[name].what}" for name in reached),
        asked_rate=asked_rate,
        achieved_rate=achieved_rate,
        **shares,
    )


def reached_limits(health: ClientHealth, trace: Trace) -> dict[str, State]:
    """Each share that reached one of its ``HEALTH_LIMITS``, and what that makes the client.

    None is graver than the client's state.

    Args:
        health: Of one measurement, or of several that are pooled.
        trace: That it was judged by.
    """
    shares = {name: getattr(health, name) for name in HEALTH_LIMITS}
    reached = _reached(shares, _few(_crowded(trace)))
    return {name: "invalid" if health.state == "invalid" == state else "suspect" for name, state in reached}


def _crowded(trace: Trace) -> dict[str, tuple[int, int]]:
    """How many reads held several chunks that may have waited, and of how many."""
    return {
        "crowded_reads": (int(trace.crowded_reads.sum()), int(trace.reads.sum())),
        "crowded_first": (int(trace.crowded_first.sum()), int(np.sum(trace.t_first != UNKNOWN))),
    }


def _few(crowded: Mapping[str, tuple[int, int]]) -> set[str]:
    return {name for name, (count, _) in crowded.items() if count < _FEW}


def _late_share(trace: Trace) -> float | None:
    values = request_values(trace)
    late_time = float((values.schedule_delay - _TOLERANCE).clip(min=0).sum())
    busy_time = float((values.schedule_delay.clip(min=0) + values.e2el).sum())
    return _share(late_time, busy_time) if busy_time >= _SHORTEST else None


def _rate(moments: Ints) -> float | None:
    """Arrivals a second: n of them have n - 1 gaps."""
    return _share(len(moments) - 1, _span(moments))


def _rate_shortfall(trace: Trace) -> float | None:
    asked, needed = _span(trace.t_scheduled), _span(trace.t_sent)
    return max(0.0, 1 - asked / needed) if asked >= _SHORTEST_SCHEDULE else None


def _span(moments: Ints) -> float:
    return float(moments.max() - moments.min()) / NS_PER_S if len(moments) else 0.0


def _reached(shares: Mapping[str, float | None], few: set[str]) -> Iterator[tuple[str, State]]:
    """Each share that reached a limit, and how bad that is: those in ``few`` are only suspect."""
    for name, limit in HEALTH_LIMITS.items():
        share = shares[name]
        if share is None or share < limit.suspect:
            continue
        is_invalid = limit.invalid is not None and share >= limit.invalid and name not in few
        yield name, "invalid" if is_invalid else "suspect"


def _worst(reached: Mapping[str, State]) -> State:
    states: tuple[State, ...] = ("invalid", "suspect")
    return next((state for state in states if state in reached.values()), "ok")


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
