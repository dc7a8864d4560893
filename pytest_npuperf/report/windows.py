"""The windows of a case on its time axis: warmup still in flight, steady stage, later measurements."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_npuperf.metrics.requests import NS_PER_S
from pytest_npuperf.report.axis import axis_origin
from pytest_npuperf.result import CaseResult
from pytest_npuperf.trace import Trace

__all__ = ["Window", "Windows", "windows"]

Window = tuple[float, float]
"""From when to when, in seconds from the first measured request sent."""


@dataclass(frozen=True, slots=True)
class Windows:
    """Those of all measurements of a case, in their order."""

    warmup: tuple[Window, ...] = ()
    """While warmup requests were under way: that of the first measurement began before 0, those of the later
    ones are what was left when they began."""
    steady: tuple[Window, ...] = ()
    starts: tuple[float, ...] = ()
    """When each measurement after the first begins."""
    in_pairs: bool = False
    """Whether another server was measured between them, which has no place on this axis."""

    @property
    def start_name(self) -> str:
        """What is said where a later measurement begins."""
        return "next turn" if self.in_pairs else "measured again"


def windows(result: CaseResult) -> Windows:
    """The windows of a case.

    Where it was measured again, its trace holds one measurement after the other, each of which begins in
    the moment the one before has ended; what its warmup did before that has no place on this axis.
    """
    warmup: list[Window] = []
    steady: list[Window] = []
    starts: list[float] = []
    start = 0.0
    for measurement in result.measurements or (result,):
        length = _length(measurement.trace)
        if start:
            starts.append(start)
        if measurement.warmup_window is not None:
            low, high = measurement.warmup_window
            if not start or high > 0:
                warmup.append((start or low, start + min(high, length)))
        if result.steady_window is not None and measurement.steady_window is not None:
            low, high = measurement.steady_window
            steady.append((start + low, start + high))
        start += length
    return Windows(tuple(warmup), tuple(steady), tuple(starts), in_pairs=result.in_pairs)


def _length(trace: Trace) -> float:
    """From the first request sent to the end of the last one."""
    return float(trace.t_end.max() - axis_origin(trace)) / NS_PER_S if len(trace) else 0.0
