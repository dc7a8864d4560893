"""A set of values of one metric and its statistics."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Sample", "share_below"]

_PERCENTILE = re.compile(r"p(\d{1,2})(?:_(\d+))?")


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """The values of one metric in one stage, and their statistics as plain floats.

    Latencies are in seconds, lengths in tokens, rates in tokens per second. Every statistic
    of an empty sample is None. Percentiles interpolate linearly, numpy's default and
    AISBench's. ``sample.p90`` and ``sample.p99_9`` are short for ``sample.percentile(...)``.
    """

    values: NDArray[np.float64]

    @classmethod
    def of(cls, values: ArrayLike) -> Sample:
        """A sample of the given values."""
        return cls(np.asarray(values, dtype=np.float64))

    @property
    def n(self) -> int:
        """How many values there are."""
        return len(self.values)

    @property
    def avg(self) -> float | None:
        """Arithmetic mean."""
        return float(self.values.mean()) if self.n else None

    @property
    def min(self) -> float | None:
        """Smallest value."""
        return float(self.values.min()) if self.n else None

    @property
    def max(self) -> float | None:
        """Largest value."""
        return float(self.values.max()) if self.n else None

    @property
    def median(self) -> float | None:
        """50th percentile."""
        return self.percentile(50)

    def percentile(self, rank: float) -> float | None:
        """The percentile of a rank between 0 and 100."""
        return float(np.percentile(self.values, rank)) if self.n else None

    def statistic(self, name: str) -> float | None:
        """A statistic by its name in budgets: avg, min, max, median, p90, p99.9.

        Raises:
            AttributeError: There is no such statistic.
        """
        if name in ("avg", "min", "max", "median"):
            value: float | None = getattr(self, name)
            return value
        return self.__getattr__(name.replace(".", "_"))

    def __getattr__(self, name: str) -> float | None:
        match = _PERCENTILE.fullmatch(name)
        if match is None:
            raise AttributeError(
                f"a sample has no {name!r}; it has n, avg, min, max, median and percentiles "
                f"such as p90 or p99_9"
            )
        return self.percentile(float(f"{match[1]}.{match[2] or 0}"))

    def __repr__(self) -> str:
        if not self.n:
            return "<Sample n=0>"
        return (
            f"<Sample n={self.n} avg={self.avg:.6g} median={self.median:.6g} p99={self.percentile(99):.6g}>"
        )


def share_below(statistic: str | None) -> float | None:
    """The share of values below a percentile, None for any other statistic."""
    if statistic == "median":
        return 0.5
    return float(statistic[1:]) / 100 if statistic and statistic.startswith("p") else None
