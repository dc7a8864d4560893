"""A case on two servers, A and B, by turns: what drifts in time drifts for both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import msgspec

from pytest_npuperf.case import Case
from pytest_npuperf.confirming import pooled_result
from pytest_npuperf.errors import LoadError
from pytest_npuperf.load.run import Progress
from pytest_npuperf.result import OTHER_SIDE, CaseResult
from pytest_npuperf.runner import CaseRun

__all__ = ["PAIRS", "Pairing", "Side"]

Side = Literal["A", "B"]

PAIRS = 3
"""Two tell next to nothing of how pairs spread."""
_TURNS: Sequence[Side] = ("B", "A", "A", "B", "B", "A")
"""Each comes first by turns, so that what grows steadily favours neither much; B is up to begin with."""


class Pairing:
    """A case while it is measured on both; used as ``CaseRun`` is. Its result is that of B.

    Args:
        case: At one load.
        start: Starts measuring a case on one of the two.
        note: Takes a line for the log.
    """

    def __init__(
        self, case: Case, start: Callable[[Case, Side], CaseRun], note: Callable[[str], None]
    ) -> None:
        self._case = case
        self._start = start
        self._note = note
        self._measured: dict[Side, list[CaseResult]] = {"A": [], "B": []}
        self._run: CaseRun | None = None
        self._turn = 0
        self._begin()

    def poll(self) -> bool:
        """Take in what has arrived, and go on to the next turn; True once there is none.

        Raises:
            LoadError: The load generator died.
        """
        if self._run is None:
            return True
        if not self._run.poll():
            return False
        result = self._take(self._run)
        self._turn += 1
        if self._turn == len(_TURNS) or result.not_measured or result.aborted:
            return True
        self._begin()
        return False

    def progress(self) -> Progress:
        """Where the load of the present turn stands."""
        assert self._run is not None
        return self._run.progress()

    def finish(self, *, stopped: bool = False) -> CaseResult:
        """The result of B, its measurements pooled; a load that still runs is ended."""
        if stopped and self._run is not None:
            try:
                self._take(self._run, stopped=True)
            except LoadError:
                if not self._measured["B"]:
                    raise
        pooled = self._pooled("B", self._case.name)
        return replace(pooled, stopped=stopped or pooled.stopped)

    @property
    def other(self) -> CaseResult | None:
        """The result of A; None where nothing was measured on both."""
        name = f"{self._case.name}{OTHER_SIDE}"
        return self._pooled("A", name) if all(self._measured.values()) else None

    def close(self) -> None:
        """End the load generator and remove what it left."""
        if self._run is not None:
            self._run.close()

    def _begin(self) -> None:
        side = _TURNS[self._turn]
        self._note(f"{self._case.name}: pair {self._turn // 2 + 1} of {PAIRS}, {side}")
        # each turn has prompts of its own: A and B may be one server, or share a cache
        name = f"{self._case.name}#{self._turn + 1}"
        self._run = self._start(msgspec.structs.replace(self._case, name=name), side)

    def _take(self, run: CaseRun, *, stopped: bool = False) -> CaseResult:
        result = run.finish(stopped=stopped)
        run.close()
        self._run = None
        self._measured[_TURNS[self._turn]].append(result)
        return result

    def _pooled(self, side: Side, name: str) -> CaseResult:
        return replace(
            pooled_result(self._measured[side]), name=name, settings=self._case.described(), in_pairs=True
        )
