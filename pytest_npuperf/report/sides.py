"""A beside B: what must be known of A before B is compared with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_npuperf.result import OTHER_SIDE, CaseResult
from pytest_npuperf.text import printable

__all__ = ["doubts_about_a", "other_side"]


def other_side(result: CaseResult, results: Sequence[CaseResult]) -> CaseResult | None:
    """The result of A, where ``result`` is that of B and both were measured by turns; None else."""
    if not result.in_pairs:
        return None
    name = f"{result.name}{OTHER_SIDE}"
    return next((one for one in results if (one.nodeid, one.name) == (result.nodeid, name)), None)


def doubts_about_a(result: CaseResult, results: Sequence[CaseResult]) -> Iterator[str]:
    """Why a comparison of B with A may mean little, a line each, safe to show; nothing where it does not.

    Args:
        result: The case; only that of B has anything to say.
        results: Those of the run.
    """
    a = other_side(result, results)
    if a is None:
        return
    for reason in a.suspect:
        yield printable(f"A is suspect: {reason}")
    if a.health.state != "ok":
        yield printable(f"A has a client that is {a.health.state}: {'; '.join(a.health.reasons)}")
