"""What became of a case: one answer for the page, the terminal, and the files."""

from __future__ import annotations

from pytest_npuperf.result import OTHER_SIDE, CaseResult, RunRecord

__all__ = ["case_state", "failure_of", "outcome_of"]

_OPEN = ("inconclusive", "no baseline")


def outcome_of(result: CaseResult, record: RunRecord) -> str:
    """``passed``, ``failed``, ``error``, ``skipped``, or ``stopped`` where the load was interrupted.

    It is that of the test. The result of A, beside which a test measured B, stands by its own verdicts:
    the test may have failed by B alone.

    Args:
        result: The case.
        record: The run that it is of.
    """
    outcome = record.outcomes.get(result.nodeid, "passed")
    if outcome != "passed" and result.name.endswith(OTHER_SIDE) and result.in_pairs:
        outcome = outcome if _fails_by_itself(result) else "passed"
    return "stopped" if outcome == "passed" and result.stopped else outcome


def case_state(result: CaseResult, record: RunRecord) -> str:
    """The outcome; of a case that passed also ``inconclusive`` or ``no baseline``, where a verdict is.

    Advisory verdicts leave the state as it is, open ones like those that fail.
    """
    outcome = outcome_of(result, record)
    if outcome != "passed":
        return outcome
    given = {verdict.outcome for verdict in result.verdicts if not verdict.budget.advisory}
    return next((state for state in _OPEN if state in given), "passed")


def failure_of(result: CaseResult, record: RunRecord) -> str:
    """Why the test of a case failed, on one line; '' where the case did not."""
    return record.failures.get(result.nodeid, "") if outcome_of(result, record) in ("failed", "error") else ""


def _fails_by_itself(result: CaseResult) -> bool:
    return bool(
        result.not_measured
        or result.aborted
        or result.vacuous
        or any(verdict.consequence == "fail" for verdict in result.verdicts)
    )
