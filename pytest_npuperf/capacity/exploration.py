"""The value that a search or a sweep leaves: its steps and what they found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pytest_npuperf.capacity.settings import LoadAxis, Search
from pytest_npuperf.metrics import Summary
from pytest_npuperf.slo import Budget, Verdict

__all__ = ["EarlyEnd", "End", "EndReason", "Exploration", "Step", "measured_step"]

EarlyEnd = Literal["", "saturated", "aborted", "stopped"]
"""Why a step was ended before its load was through: '' where it was not; its queue grew without
end; its requests failed; the run was interrupted."""

EndReason = Literal[
    "edge",
    "highest_kept",
    "lowest_broken",
    "client_bound",
    "all_measured",
    "saturated",
    "aborted",
    "stopped",
]
"""Why there was no further step.

A search: ``edge``, the next load breaks a budget; ``highest_kept``, its upper bound keeps them;
``lowest_broken``, its lower bound does not. A sweep: ``all_measured``; ``saturated`` and ``aborted``,
so ended its last step. Both: ``client_bound``, the client was the bottleneck of a step;
``stopped``, the run was interrupted.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One measurement at one load; durations in seconds, rates per second, None where there is no value."""

    load: float
    kept: bool | None
    """Whether the budgets hold; None where there are none, or where nothing was measured to judge."""
    ended_early: EarlyEnd
    client_bound: bool
    """Whether the client was the bottleneck: such a step says nothing of the server."""
    requests: int
    failed_requests: int
    ttft_p50: float | None
    ttft_p99: float | None
    tpot_p50: float | None
    tpot_p99: float | None
    e2el_p99: float | None
    output_token_throughput: float | None
    request_throughput: float | None


@dataclass(frozen=True, slots=True)
class End:
    """Why there is no further step, and what the steps found."""

    reason: EndReason
    found: float | None = None
    """The largest load that keeps the budgets, on the word of two measurements."""
    neighbour: float | None = None
    """The load above it, which breaks them on the word of two measurements."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exploration:
    """A case at several loads."""

    axis: LoadAxis
    search: Search | None
    """What was searched for; None for a sweep."""
    steps: tuple[Step, ...]
    """In the order they were measured."""
    end: End

    def capacity_verdict(self) -> Verdict | None:
        """Whether any load keeps the budgets of the search, as the verdict of an implied budget.

        Its n is the requests of the step that the result of the case is of, as for its other
        budgets: the one that confirmed the found load, the last one where none was found.
        None for a sweep, and for a search that was interrupted before it knew.
        """
        if self.search is None or self.end.reason == "stopped":
            return None
        unit = "req/s" if self.axis == "rate" else ""
        lowest = self.search.lowest
        budget = Budget(
            expression=f"capacity >= {lowest:g} {unit}".rstrip(),
            metric="capacity",
            statistic=None,
            comparison=">=",
            bound=lowest,
            unit=unit,
            implied=True,
        )
        outcome: Literal["pass", "fail"] = "fail" if self.end.found is None else "pass"
        kept = [step for step in self.steps if step.kept and step.load == self.end.found]
        n = (kept or self.steps)[-1].requests if self.steps else 0
        return Verdict(budget=budget, measured=self.end.found, n=n, outcome=outcome)


def measured_step(
    load: float, summary: Summary, *, kept: bool | None, ended_early: EarlyEnd, client_bound: bool
) -> Step:
    """A step with the key figures of its summary."""
    return Step(
        load=load,
        kept=kept,
        ended_early=ended_early,
        client_bound=client_bound,
        requests=summary.total_requests,
        failed_requests=summary.failed_requests,
        ttft_p50=summary.ttft.median,
        ttft_p99=summary.ttft.percentile(99),
        tpot_p50=summary.tpot.median,
        tpot_p99=summary.tpot.percentile(99),
        e2el_p99=summary.e2el.percentile(99),
        output_token_throughput=summary.output_token_throughput,
        request_throughput=summary.request_throughput,
    )
