"""Several measurements of the same load as one: as if they had been one load after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from pytest_npuperf.metrics.health import ClientHealth, State
from pytest_npuperf.metrics.summary import Summary, summarize
from pytest_npuperf.trace import UNKNOWN, Ints, Trace

__all__ = ["pooled_health", "pooled_rows", "pooled_steady", "pooled_trace", "pooled_turn_stages"]

_STAMPS = ("t_scheduled", "t_sent", "t_first", "t_last", "t_end", "chunk_stamps")
_OF_THE_WINDOW = (
    "concurrency",
    "request_throughput",
    "input_token_throughput",
    "output_token_throughput",
    "total_token_throughput",
)
_STATES: Sequence[State] = ("ok", "suspect", "invalid")
_SHARES = (
    "crowded_reads",
    "crowded_first",
    "late_share",
    "rate_shortfall",
    "run_delay_share",
    "cpu_share",
    "unstamped_reads",
)


def pooled_trace(traces: Sequence[Trace]) -> Trace:
    """The requests of several traces, at least one, as those of one load without a pause in between.

    The first request of each trace is sent in the moment in which the last one of the trace before
    has ended: their Benchmark Durations add up. Stamps that are ``UNKNOWN`` stay so, and within a
    trace every time between two stamps stays what it was. The conversations of a trace are numbered
    on from those of the trace before.
    """
    shifts = dict.fromkeys(_STAMPS, _end_to_end([_time_span(trace) for trace in traces]))
    shifts["conversation"] = _end_to_end([_conversation_span(trace) for trace in traces])
    columns: dict[str, object] = {}
    for field in fields(Trace):
        parts = [getattr(trace, field.name) for trace in traces]
        if isinstance(parts[0], tuple):
            columns[field.name] = tuple(value for part in parts for value in part)
        elif field.name == "chunk_offsets":
            columns[field.name] = _offsets(parts)
        elif field.name in shifts:
            columns[field.name] = np.concatenate(
                [_shifted(part, by) for part, by in zip(parts, shifts[field.name], strict=True)]
            )
        else:
            columns[field.name] = np.concatenate(parts)
    return Trace(**columns)  # type: ignore[arg-type]


def pooled_rows(traces: Sequence[Trace], rows: Sequence[Ints]) -> Ints:
    """Where rows of each trace are in the pooled one."""
    before = np.cumsum([0, *(len(trace) for trace in traces[:-1])]).tolist()
    places: Ints = np.concatenate([own + start for own, start in zip(rows, before, strict=True)])
    return places


def pooled_steady(stages: Sequence[Summary], pooled: Trace) -> Summary:
    """The steady stage of several measurements.

    Samples, counts and token totals cover its requests. The windows' durations add up; throughputs
    and concurrency are those of the windows, each by its duration, None where one has none.

    Args:
        stages: The steady stage of each measurement.
        pooled: The requests of these stages, of all measurements.
    """
    durations = [stage.benchmark_duration or 0.0 for stage in stages]
    figures: dict[str, Any] = {
        name: _mean([getattr(s, name) for s in stages], durations) for name in _OF_THE_WINDOW
    }
    first = stages[0]
    return replace(
        summarize(pooled, max_concurrency=first.max_concurrency, stage=first.stage),
        benchmark_duration=sum(durations),
        **figures,
    )


def pooled_turn_stages(traces: Sequence[Trace], *, max_concurrency: int | None) -> tuple[Summary, ...]:
    """A summary of each turn of the conversations of all traces, ``turn 1`` first; none without any.

    What one load did after its last first turn, until the next load, is no time of the first turns:
    each trace gives the duration that its own requests of a turn took.
    """
    turns = np.unique(np.concatenate([trace.turn[trace.turn != UNKNOWN] for trace in traces]))
    return tuple(
        summarize(
            pooled_trace([trace.select(np.flatnonzero(trace.turn == turn)) for trace in traces]),
            max_concurrency=max_concurrency,
            stage=f"turn {turn + 1}",
        )
        for turn in turns
    )


def pooled_health(healths: Sequence[ClientHealth]) -> ClientHealth:
    """The client in the worst of several measurements.

    Every share is the largest, None where none is known. The rates are those of the measurement
    whose requests fell furthest behind their schedule. The reasons are those of all.
    """
    behind = min(healths, key=_kept_rate)
    shares = {name: _largest([getattr(health, name) for health in healths]) for name in _SHARES}
    return ClientHealth(
        state=max((health.state for health in healths), key=_STATES.index),
        reasons=tuple(dict.fromkeys(reason for health in healths for reason in health.reasons)),
        asked_rate=behind.asked_rate,
        achieved_rate=behind.achieved_rate,
        **shares,
    )


def _time_span(trace: Trace) -> tuple[int, int] | None:
    return (int(trace.t_sent.min()), int(trace.t_end.max())) if len(trace) else None


def _conversation_span(trace: Trace) -> tuple[int, int] | None:
    numbers = trace.conversation[trace.conversation != UNKNOWN]
    return (int(numbers.min()), int(numbers.max()) + 1) if len(numbers) else None


def _end_to_end(spans: Sequence[tuple[int, int] | None]) -> list[int]:
    """By how much each span is moved to begin where the one before it has ended; the first one stays."""
    shifts: list[int] = []
    end: int | None = None
    for span in spans:
        shifts.append(0 if end is None or span is None else end - span[0])
        if span is not None:
            end = span[1] + shifts[-1]
    return shifts


def _shifted(values: Ints, by: int) -> Ints:
    return np.where(values == UNKNOWN, UNKNOWN, values + by)


def _offsets(parts: Sequence[Ints]) -> Ints:
    lengths = [np.diff(part) for part in parts]
    offsets: Ints = np.concatenate(([0], np.cumsum(np.concatenate(lengths)))).astype(np.int64)
    return offsets


def _mean(values: Sequence[float | None], weights: Sequence[float]) -> float | None:
    known = [value for value in values if value is not None]
    if len(known) < len(values) or not sum(weights):
        return None
    return sum(value * weight for value, weight in zip(known, weights, strict=True)) / sum(weights)


def _largest(shares: Sequence[float | None]) -> float | None:
    return max((share for share in shares if share is not None), default=None)


def _kept_rate(health: ClientHealth) -> float:
    if not health.asked_rate or health.achieved_rate is None:
        return 1.0
    return health.achieved_rate / health.asked_rate
