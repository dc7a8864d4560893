"""Whether a series of values has settled, and whether it drifts."""

from __future__ import annotations

import numpy as np

from pytest_npuperf.metrics.requests import Floats

__all__ = ["drift", "settled_from"]

_BATCH = 5
"""Values that MSER-5 averages before it looks."""
_BATCHES = 20
"""Parts whose means the drift is fitted to: long ones, so that neighbours know little of each other."""
_T_99 = 2.878
"""Student's t with 18 degrees of freedom, two-sided 99 %."""
_DRIFT = 0.2
"""Of the mean, from the first value to the last: less does not matter, however significant."""


def settled_from(values: Floats) -> int | None:
    """From which value on a series is free of its start; None where its first half does not tell.

    MSER-5 (K. P. White, "An effective truncation heuristic for bias reduction in simulation output",
    1997): that many values are left out at the beginning which make the standard error of the mean of
    the others smallest. If half of them are not enough, the series is too short, or settles nowhere.
    """
    means = _batch_means(values, len(values) // _BATCH)
    left = np.arange(len(means), 0, -1)
    # around their median, values that hardly differ do not drown in rounding
    apart = means - np.median(means)
    sums, squares = (np.cumsum(power[::-1])[::-1] for power in (apart, apart**2))
    errors = (squares - sums**2 / left) / left**2
    half = len(means) // 2
    batches = int(np.argmin(errors[: half + 1]))
    return None if batches == half else batches * _BATCH


def drift(values: Floats) -> float:
    """How far a series drifts from its beginning to its end, as a share of its mean; 0 if by chance.

    A line through the means of 20 parts, its slope tested by Student's t at 1 %.
    """
    means = _batch_means(values, _BATCHES)
    places = np.arange(_BATCHES) - (_BATCHES - 1) / 2
    slope = float(places @ means / (places @ places))
    rest = means - means.mean() - slope * places
    error = float(np.sqrt(rest @ rest / (_BATCHES - 2) / (places @ places)))
    share = slope * _BATCHES / float(means.mean())
    return share if abs(slope) > _T_99 * error and abs(share) > _DRIFT else 0.0


def _batch_means(values: Floats, batches: int) -> Floats:
    size = len(values) // batches
    means: Floats = values[: size * batches].reshape(batches, size).mean(axis=1)
    return means
