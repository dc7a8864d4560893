"""A case: what is sent, when, how much of it, and which budgets it must keep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from pytest_npuperf.load.plan import ClosedLoop
from pytest_npuperf.slo.budget import Budget
from pytest_npuperf.wire.timeouts import Timeouts
from pytest_npuperf.workload import Dataset, Gsm8k, Gsm8kShaped

__all__ = ["DEFAULT_CASE_NAME", "Case", "default_case"]

DEFAULT_CASE_NAME = "gsm8kdataset"


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One measured case.

    Exactly ``requests`` measured requests are sent, after ``warmup`` that do not count.
    ``max_tokens`` is a ceiling of the output length where the dataset asks for none of its own.
    """

    name: str
    dataset: Dataset
    load: ClosedLoop = ClosedLoop()
    requests: int = 8
    max_tokens: int = 512
    warmup: int = 1
    timeouts: Timeouts = Timeouts()
    slo: tuple[Budget, ...] = ()
    task: str | None = None
    seed: int | None = None
    """None takes the run's seed."""

    def described(self) -> dict[str, Any]:
        """The case as plain data; budgets as they were written."""
        plain = msgspec.to_builtins(self, enc_hook=str)
        dataset = {type(self.dataset).__name__.lower(): plain["dataset"]}
        described: dict[str, Any] = plain | {
            "dataset": dataset,
            "slo": [budget.expression for budget in self.slo],
        }
        return described


def default_case(dataset: Path | None) -> Case:
    """The case of a bare adapter repository: the evaluation platform's GSM8K run."""
    return Case(name=DEFAULT_CASE_NAME, dataset=Gsm8k(dataset) if dataset else Gsm8kShaped())
