"""Budgets that hold by a figure which rests on too few requests."""

from __future__ import annotations

from dataclasses import replace

from pytest_npuperf.slo.evidence import Judging
from pytest_npuperf.slo.verdict import Verdict

__all__ = ["supported"]


def supported(verdict: Verdict, judging: Judging, *, is_confirmed: bool) -> Verdict:
    """A verdict as it is; inconclusive where it passes by too few requests and the budget asks for support.

    Then the test fails, unless the person who runs it says otherwise. A second measurement of as many
    requests is asked for where both together would be enough.
    """
    needed = verdict.needed_n
    if not verdict.budget.require_support or verdict.outcome != "pass" or needed is None:
        return verdict
    return replace(
        verdict,
        outcome="inconclusive",
        close=False,
        reason=f"it would hold, but rests on {verdict.n} requests, and only {needed} tell how sure it is: "
        "measure more of them",
        unsettled=not is_confirmed and 2 * verdict.n >= needed,
        if_open=judging.on_inconclusive or "fail",
    )
