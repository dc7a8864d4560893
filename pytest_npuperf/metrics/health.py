"""The client's own health: whether what it measured is the server or itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pytest_npuperf.metrics.requests import NS_PER_S, request_values
from pytest_npuperf.metrics.sample import Sample
from pytest_npuperf.trace import UNKNOWN, ClientUsage, Trace

__all__ = ["ClientHealth", "client_health"]

State = Literal["ok", "suspect", "invalid"]


@dataclass(frozen=True, slots=True)
class _Bound:
    """From which share on a figure makes the client suspect, and from which on invalid."""

    suspect: float
    invalid: float
    what: str


# Kernel stamps keep a late client out of the latencies until several chunks share one read. What
# it sends late lowers the load that was asked for, whatever the stamps say.
_BOUNDS = {
    "crowded_reads": _Bound(
        0.01, 0.05, "of the reads held several chunks that a prompt client would have told apart"
    ),
    "late_share": _Bound(0.10, 0.50, "of the load's time went by between a request being due and being sent"),
    "run_delay_share": _Bound(
        0.15, 0.40, "of the time the load generator was ready to run but had no processor"
    ),
    "cpu_share": _Bound(0.90, 0.98, "of a processor was used by the load generator"),
    "unstamped_reads": _Bound(0.01, 1.01, "of the reads came without a kernel stamp"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientHealth:
    """Figures of the client, and what they make of the measurement.

    ``ok``: the figures describe the server. ``suspect``: they may hold a part of the client.
    ``invalid``: the client was the bottleneck. Shares are between 0 and 1, None where they are
    not known; the samples are in seconds.
    """

    state: State
    reasons: tuple[str, ...]
    """Why it is not ok, in words."""
    receive_lag: Sample
    """Of the chunks: from the kernel's stamp to the moment the client saw them."""
    schedule_delay: Sample
    """Of the requests: in a closed loop, from the end of the client's last answer to the next request."""
    crowded_reads: float | None
    late_share: float | None
    """Schedule delay as a share of the time that clients spent on requests, waiting included."""
    run_delay_share: float | None
    cpu_share: float | None
    unstamped_reads: float | None


def client_health(trace: Trace, usage: ClientUsage) -> ClientHealth:
    """Judge the client by what it recorded of itself."""
    values = request_values(trace)
    schedule_delay = values.schedule_delay
    busy_time = float(values.e2el.sum())
    late_time = float(schedule_delay.clip(min=0).sum())
    shares = {
        "crowded_reads": _share(int(trace.crowded_reads.sum()), int(trace.reads.sum())),
        "late_share": _share(late_time, late_time + busy_time),
        "run_delay_share": None if usage.run_delay == UNKNOWN else _share(usage.run_delay, usage.wall_time),
        "cpu_share": _share(usage.cpu_time, usage.wall_time),
        "unstamped_reads": _share(int(trace.unstamped_reads.sum()), int(trace.reads.sum())),
    }
    state, reasons = _judge(shares)
    return ClientHealth(
        state=state,
        reasons=reasons,
        receive_lag=Sample(trace.chunk_lag[trace.chunk_lag != UNKNOWN] / NS_PER_S),
        schedule_delay=Sample(schedule_delay),
        **shares,
    )


def _judge(shares: dict[str, float | None]) -> tuple[State, tuple[str, ...]]:
    state: State = "ok"
    reasons = []
    for name, bound in _BOUNDS.items():
        share = shares[name]
        if share is None or share < bound.suspect:
            continue
        state = "invalid" if share >= bound.invalid or state == "invalid" else "suspect"
        reasons.append(f"{share:.1%} {bound.what}")
    return state, tuple(reasons)


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
