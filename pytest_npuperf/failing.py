"""What makes a test fail by what it measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_npuperf.errors import ClientBoundError, LoadAbortedError

if TYPE_CHECKING:
    from pytest_npuperf.result import CaseResult
    from pytest_npuperf.slo import Verdict

__all__ = ["BudgetsBroken", "require", "require_measured"]


class BudgetsBroken(AssertionError):
    """At least one budget of a case does not hold, or it would hold on nothing.

    ``verdicts`` has all that were judged, ``vacuous`` why a pass would mean nothing.
    """

    def __init__(self, verdicts: Sequence[Verdict], vacuous: Sequence[str] = ()) -> None:
        self.verdicts = verdicts
        self.vacuous = vacuous
        broken = ", ".join(verdict.budget.expression for verdict in verdicts if verdict.consequence == "fail")
        reasons = "; ".join(vacuous)
        parts = (f"broken: {broken}" if broken else "", f"vacuous: {reasons}" if reasons else "")
        super().__init__("; ".join(filter(None, parts)))


def require(verdicts: Sequence[Verdict]) -> None:
    """Raise BudgetsBroken, with all the verdicts, where the test has to fail by one of them."""
    __tracebackhide__ = True
    if any(verdict.consequence == "fail" for verdict in verdicts):
        raise BudgetsBroken(verdicts)


def require_measured(results: Sequence[CaseResult]) -> None:
    """Fail where a case was not measured as it was meant to be; to be called once all are judged.

    Raises:
        ClientBoundError: The figures of one are not the server's.
        LoadAbortedError: One was given up.
        BudgetsBroken: A pass of one would mean nothing.
    """
    __tracebackhide__ = True
    unmeasured = [f"{result.name}: {result.not_measured}" for result in results if result.not_measured]
    if unmeasured:
        raise ClientBoundError("\n".join(unmeasured))
    aborted = [f"{result.name}: aborted: {result.aborted}" for result in results if result.aborted]
    if aborted:
        raise LoadAbortedError("\n".join(aborted))
    vacuous = dict.fromkeys(reason for result in results for reason in result.vacuous)
    if vacuous:
        raise BudgetsBroken([verdict for result in results for verdict in result.verdicts], tuple(vacuous))
