"""A case: what is sent, when, how much of it, and which budgets it must keep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from pytest_npuperf.capacity.settings import Search, Sweep
from pytest_npuperf.load.plan import Cancel, ClosedLoop, OpenLoop, Replay
from pytest_npuperf.slo.budget import Budget
from pytest_npuperf.slo.precision import Precision
from pytest_npuperf.wire.timeouts import Timeouts
from pytest_npuperf.workload import Conversation, Dataset, Gsm8k, Gsm8kShaped, Mooncake, ShareGpt
from pytest_npuperf.workload.lengths import Empirical, Length

__all__ = ["DEFAULT_CASE_NAME", "DEFAULT_REQUESTS", "Abort", "Case", "default_case"]

DEFAULT_CASE_NAME = "gsm8kdataset"
DEFAULT_REQUESTS = 8
"""Measured requests where neither their number nor a duration is given."""


class Abort(msgspec.Struct, frozen=True, kw_only=True):
    """When a load is given up; what was measured until then is kept, and the case fails."""

    failure_rate: float | None = None
    """Share of the requests that ended, once 20 have."""
    consecutive_failures: int | None = None
    server_gone: int = 10
    """Connections refused one after the other; 0 never gives up."""


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One measured case.

    At most ``requests`` measured requests are sent, within ``duration`` seconds (at least one of
    both is set), after ``warmup`` that do not count. ``max_tokens`` is a ceiling of the output
    length where the dataset asks for none of its own.
    """

    name: str
    dataset: Dataset
    load: ClosedLoop | OpenLoop | Replay = ClosedLoop()
    requests: int | None = DEFAULT_REQUESTS
    duration: float | None = None
    max_tokens: int = 512
    warmup: int | None = None
    """None: as many as may be in flight, so that no start-up burst is measured."""
    cooldown: int = 0
    """Requests after the measured ones, which keep the load up while those end."""
    timeouts: Timeouts = Timeouts()
    slo: tuple[Budget, ...] = ()
    task: str | None = None
    seed: int | None = None
    """None takes the run's seed."""
    extra_body: dict[str, Any] = {}
    """More fields of every request, or other values: temperature, top_p, seed, ..."""
    headers: dict[str, str] = {}
    cancel: Cancel | None = None
    abort: Abort = Abort()
    until: tuple[Precision, ...] = ()
    """The load ends as soon as all of these figures are known so exactly."""
    search: Search | None = None
    sweep: Sweep | None = None
    steady: bool = False
    """Whether the steady stage is reported beside the total."""

    @property
    def most_turns(self) -> int | None:
        """The most turns that its conversations may have: 0 where there are none, None where nobody knows."""
        match self.dataset:
            case ShareGpt(turns=turns):
                return None if turns == "all" else turns if turns > 1 else 0
            case Conversation(turns=turns):
                return _longest(turns)
            case _:
                return 0

    @property
    def is_timed(self) -> bool:
        """Whether its dataset says when each request is sent."""
        return isinstance(self.dataset, Mooncake)

    def described(self) -> dict[str, Any]:
        """The case as plain data; budgets as they were written."""
        plain = msgspec.to_builtins(self, enc_hook=str)
        dataset = {type(self.dataset).__name__.lower(): plain["dataset"]}
        if isinstance(self.load, OpenLoop):
            name, settings = type(self.load.arrival).__name__.lower(), plain["load"]["arrival"]
            plain["load"]["arrival"] = {name: settings} if settings else name
        described: dict[str, Any] = plain | {
            "dataset": dataset,
            "slo": [budget.expression for budget in self.slo],
        }
        return described


def _longest(length: Length) -> int | None:
    match length:
        case int():
            return length
        case Empirical():
            return max(length.values)
        case _:
            return length.max


def default_case(dataset: Path | None) -> Case:
    """The case of a bare adapter repository: the evaluation platform's GSM8K run."""
    return Case(name=DEFAULT_CASE_NAME, dataset=Gsm8k(dataset) if dataset else Gsm8kShaped())
