"""A figure of two sides, and what is to be said of its change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Literal

from pytest_npuperf.errors import BaselineError
from pytest_npuperf.slo import Reference, StageRun
from pytest_npuperf.slo.relative import LEAST_EFFECT, difference
from pytest_npuperf.slo.resampling import needed_requests
from pytest_npuperf.slo.stage_run import figure, figure_name
from pytest_npuperf.slo.vocabulary import METRICS

__all__ = ["MAIN_FIGURES", "Change", "Figure", "Stages", "Word", "change_of"]

Stages = Mapping[str, Sequence[StageRun]]
"""Stage of a case -> its measurements."""

Word = Literal["better", "worse", "higher", "lower", "same", "unclear"]
"""What B is beside A. A metric without a good side is ``higher`` or ``lower``; ``same``: no change, or none
worth telling; ``unclear``: nobody can tell, as chance alone may have made what there is."""

_SIGN = {"lower": -1, "higher": 1, None: 0}


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric, its statistic where it takes one, and the stage it is of."""

    metric: str
    statistic: str | None = None
    stage: str = "total"

    @property
    def name(self) -> str:
        """As it stands in a budget: ``steady.ttft.p99``."""
        name = figure_name(self.metric, self.statistic)
        return name if self.stage == "total" else f"{self.stage}.{name}"


MAIN_FIGURES = (
    *(Figure("ttft", statistic) for statistic in ("avg", "p50", "p90", "p99")),
    *(Figure(metric, statistic) for metric in ("tpot", "itl", "e2el") for statistic in ("avg", "p50", "p99")),
    Figure("output_token_throughput"),
    Figure("request_throughput"),
    Figure("failure_rate"),
)
"""What is shown where nobody asks for something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A figure of A and of B, each the mean of its runs' figures; None where it was not measured."""

    figure: Figure
    a: float | None
    b: float | None
    change: float | None
    """``b / a - 1``; None where nothing is a share of A's figure."""
    interval: tuple[float, float] | None
    """The two-sided 90 % interval of ``change``; None where nothing tells how sure it is."""
    n: tuple[int, int]
    """Requests that each of both rests on."""
    needed_n: int | None
    """How many each of them needs for an interval, where one has fewer."""

    @property
    def word(self) -> Word:
        """What B is beside A.

        The same, where the whole interval lies within ``LEAST_EFFECT``; else changed, where it excludes
        "no change". A figure that has no interval, however many requests it rests on, is the same where
        it is equal.
        """
        if self.interval is None:
            return "same" if self.a is not None and self.a == self.b and self.needed_n is None else "unclear"
        low, high = self.interval
        if max(-low, high) <= LEAST_EFFECT:
            return "same"
        if low <= 0 <= high:
            return "unclear"
        sign = 1 if low > 0 else -1
        good = _SIGN[METRICS[self.figure.metric].direction]
        if not good:
            return "higher" if sign > 0 else "lower"
        return "better" if sign == good else "worse"


def change_of(wanted: Figure, a: Stages, b: Stages, *, is_paired: bool = False) -> Change:
    """How a figure of a case differs from A to B; ``is_paired`` where each run of B was beside one of A."""
    before, now = a.get(wanted.stage, ()), b.get(wanted.stage, ())
    (of_a, n_a), (of_b, n_b) = _mean(before, wanted), _mean(now, wanted)
    needed = needed_requests(before, wanted.metric, wanted.statistic)
    return Change(
        figure=wanted,
        a=of_a,
        b=of_b,
        change=of_b / of_a - 1 if of_a and of_b is not None and isfinite(of_a) else None,
        interval=_interval(Reference("A", tuple(before), is_paired=is_paired), now, wanted),
        n=(n_a, n_b),
        needed_n=needed if min(n_a, n_b) < needed else None,
    )


def _interval(reference: Reference, now: Sequence[StageRun], wanted: Figure) -> tuple[float, float] | None:
    try:
        found = difference(now, reference, wanted.metric, wanted.statistic)
    except BaselineError:  # A's figure is none that anything could be a share of, or rests on too few
        return None
    return found.interval if found is not None else None


def _mean(runs: Sequence[StageRun], wanted: Figure) -> tuple[float | None, int]:
    found = [figure(run, wanted.metric, wanted.statistic) for run in runs]
    values = [value for value, _ in found if value is not None]
    mean = sum(values) / len(values) if values and len(values) == len(found) else None
    return mean, sum(n for _, n in found)
