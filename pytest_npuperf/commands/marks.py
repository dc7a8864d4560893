"""What a reader must know of a saved case before its figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pytest_npuperf.report.marks import case_marks
from pytest_npuperf.saved import SavedCase

__all__ = ["saved_marks"]


def saved_marks(case: SavedCase) -> Iterator[str]:
    """A line for each thing, of the case with the verdicts it has here; nothing without blemish."""
    result = case.result
    if result.not_measured:
        yield result.not_measured
    # where its steady stage lies is nothing that a reader has to be warned of
    yield from case_marks(replace(result, steady_window=None, verdicts=list(case.verdicts)))
    yield from (f"VACUOUS: {reason}" for reason in case.unseen)
