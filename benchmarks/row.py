"""One line of a table: a client against the server's truth."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.client import Measured, Statistics
from benchmarks.meter import Usage
from benchmarks.scenario import Scenario
from benchmarks.truth import Truth

__all__ = ["Row", "row_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What a client measured and used, and what was true; ms, seconds, CPU microseconds a token."""

    client: str
    completed: int | None
    requests: int
    token_rate: float
    asked_rate: float
    cpu: float
    """From the first request to the last token decoded, every process of the client."""
    cpu_sending: float | None
    """Of ``cpu``, what the process that sends and stamps needed, where it is one of its own."""
    cpu_whole: float
    """With start, preparation and reports."""
    time_around: float
    """What the command took beside the load itself."""
    measured: Statistics
    true: Statistics


def row_of(client: str, scenario: Scenario, measured: Measured, usage: Usage, truth: Truth) -> Row:
    """Put a client's figures beside the truth of its run.

    Raises:
        ValueError: The server has not seen all requests.
    """
    counted = truth.measured(scenario.requests)
    if len(counted.answers) < scenario.requests:
        raise ValueError(f"the server answered {len(counted.answers)} of {scenario.requests} requests")
    cpu_load = usage.cpu_time - usage.cpu_time_at(truth.first) - measured.cpu_after_load
    sending = measured.cpu_sending
    return Row(
        client=client,
        completed=measured.completed,
        requests=scenario.requests,
        token_rate=counted.token_rate(scenario.streams),
        asked_rate=scenario.token_rate,
        cpu=cpu_load / truth.tokens * 1e6,
        cpu_sending=None if sending is None else sending / counted.tokens * 1e6,
        cpu_whole=usage.cpu_time / truth.tokens * 1e6,
        time_around=usage.wall_time - (truth.last - truth.first) / 1e9,
        measured=measured.statistics,
        true=counted.statistics(),
    )
