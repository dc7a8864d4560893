"""The time axis of a case: monotonic stamps to seconds from the first request sent."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pytest_npuperf.trace import UNKNOWN, Ints, Trace

__all__ = ["axis_origin", "prefill_latency", "seconds"]


def axis_origin(trace: Trace) -> int:
    """The zero of the axis in monotonic nanoseconds: when the first request was sent."""
    sent = trace.t_sent[trace.t_sent != UNKNOWN]
    return int(sent.min()) if len(sent) else 0


def seconds(stamps: Ints, origin: int = 0) -> list[float | None]:
    """Stamps as seconds from ``origin``, exact to the nanosecond; None where UNKNOWN."""
    return _where_known(stamps - origin, stamps != UNKNOWN)


def prefill_latency(trace: Trace) -> list[float | None]:
    """TTFT of every request in seconds; None where no chunk came."""
    return _where_known(trace.t_first - trace.t_sent, (trace.t_sent != UNKNOWN) & (trace.t_first != UNKNOWN))


def _where_known(nanoseconds: Ints, known: NDArray[np.bool_]) -> list[float | None]:
    # a division rounds once and so prints at most nine decimals; a product with 1e-9 would not
    values = (nanoseconds / 1e9).tolist()
    return [value if there else None for value, there in zip(values, known.tolist(), strict=True)]
