"""Which load a search measures next: doubling, then bisection, then the edge once more.

One lucky or unlucky measurement decides nothing: the found load and the one above it are each
measured until two measurements agree. Where one contradicts an earlier one, the search no longer
believes single ones, and takes up again with what is left of them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from pytest_npuperf.capacity.exploration import End
from pytest_npuperf.capacity.settings import Search

__all__ = ["AGREEING", "loads_of", "next_load"]

_RATE_STEP = 0.05
"""Neighbouring rates differ by this share: closer ones are not told apart by a load of usual length."""
AGREEING = 2
"""Measurements at one load that have to agree, in three at most."""


@dataclass(frozen=True, slots=True)
class _Votes:
    kept: int
    broken: int

    @property
    def are_decided(self) -> bool:
        return max(self.kept, self.broken) >= AGREEING


def loads_of(search: Search) -> Sequence[float]:
    """The loads that a search can find, rising: whole numbers of clients, or rates 5 % apart.

    The last is ``search.highest``, the first ``search.lowest``.
    """
    if search.maximize == "concurrency":
        return range(int(search.lowest), int(search.highest) + 1)
    rates = [search.lowest]
    while rates[-1] < search.highest:
        # three digits, so that a rate can be read and typed
        rates.append(min(float(f"{rates[-1] * (1 + _RATE_STEP):.3g}"), search.highest))
    return rates


def next_load(loads: Sequence[float], measured: Iterable[tuple[float, bool | None]]) -> float | End:
    """The load to measure next, or what the search found.

    Args:
        loads: All there are to find, rising.
        measured: Each measurement so far: its load, and whether the budgets held, None where the
            client was the bottleneck. Such a one is repeated; where it is the bottleneck again, the
            search ends, and what was found below is only confirmed.
    """
    outcomes = list(measured)
    if outcomes and outcomes[-1][1] is None and outcomes.count(outcomes[-1]) < AGREEING:
        return outcomes[-1][0]
    client_bound = {load for load, _ in outcomes if outcomes.count((load, None)) >= AGREEING}
    votes = _count_votes(outcomes)
    tied = [load for load, vote in votes.items() if vote.kept == vote.broken]
    if tied:
        return tied[0]
    high = min((load for load, vote in votes.items() if vote.broken > vote.kept), default=None)
    low = max(
        (load for load, vote in votes.items() if vote.kept > vote.broken and (high is None or load < high)),
        default=None,
    )
    if client_bound:
        return _end_for_the_client(low, votes, client_bound)
    between = _between(loads, low, high)
    contradicted = any(vote.kept and vote.broken for vote in votes.values())
    if between is None or contradicted:
        for edge in (low, high):
            if edge is not None and not votes[edge].are_decided:
                return edge
    if between is not None:
        return between
    if low is None:
        return End("lowest_broken")
    return End("highest_kept" if high is None else "edge", found=low, neighbour=high)


def _count_votes(outcomes: Sequence[tuple[float, bool | None]]) -> dict[float, _Votes]:
    judged = [outcome for outcome in outcomes if outcome[1] is not None]
    return {load: _Votes(judged.count((load, True)), judged.count((load, False))) for load, _ in judged}


def _end_for_the_client(
    low: float | None, votes: Mapping[float, _Votes], client_bound: Set[float]
) -> float | End:
    if low is not None and votes[low].are_decided:
        return End("client_bound", found=low)
    # where the client is the bottleneck even in the confirmation, nothing is confirmed
    return End("client_bound") if low is None or low in client_bound else low


def _between(loads: Sequence[float], low: float | None, high: float | None) -> float | None:
    """A load between the largest that keeps the budgets and the smallest that breaks them."""
    after_low = 0 if low is None else loads.index(low) + 1
    until_high = len(loads) if high is None else loads.index(high)
    if after_low >= until_high:
        return None
    if low is None:
        return loads[after_low]
    if high is None:
        doubled = bisect_right(loads, 2 * low) - 1
        return loads[max(after_low, doubled)]
    return loads[(after_low + until_high) // 2]
