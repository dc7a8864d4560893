"""Budgets whose bound follows from a baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pytest_npuperf.errors import BaselineError, NoBaselineError
from pytest_npuperf.slo.budget import Budget
from pytest_npuperf.slo.evidence import Judging, StageEvidence
from pytest_npuperf.slo.noise import FEWEST_RUNS, noise_floor
from pytest_npuperf.slo.reference import Reference
from pytest_npuperf.slo.relative import LEAST_EFFECT, Difference, difference, judge_change
from pytest_npuperf.slo.stage_run import StageRun, figure, figure_name, figure_of_successes
from pytest_npuperf.slo.support import supported
from pytest_npuperf.slo.verdict import Outcome, Verdict

__all__ = ["judge_relative", "why_it_cannot_hold"]


def judge_relative(budget: Budget, stage: StageEvidence, judging: Judging) -> Verdict:
    """The verdict of a budget such as ``ttft.p99 <= baseline + 10 %``, by every measurement on its own.

    It has no baseline where there is none, or where one that was measured with something else is
    not to be used; a baseline that cannot be compared with fails it, and so does what was not measured.
    Where only chance may have broken it, it is inconclusive, and unsettled if the stage was measured once.
    """
    measured, n = figure(stage.pooled, budget.metric, budget.statistic)
    verdict = Verdict(budget=budget, measured=measured, n=n, outcome="fail")
    if measured is None:
        return verdict
    try:
        reference = _reference(budget, judging)
        if reference.mismatches and judging.on_mismatch != "warn":
            return _mismatched(verdict, reference, judging)
        verdict = replace(verdict, mismatches=reference.mismatches)
        change = _change(budget, stage, reference)
        margin = _margin(budget, reference)
    except NoBaselineError as exc:
        return replace(
            verdict, outcome="no baseline", reason=str(exc), if_open=judging.on_inconclusive or "warn"
        )
    except BaselineError as exc:
        return replace(verdict, reason=str(exc))
    judged = _judged(verdict, change, margin, reference, stage)
    if judged.outcome == "inconclusive":
        return replace(judged, if_open=judging.on_inconclusive or "warn")
    return supported(judged, judging, is_confirmed=stage.is_confirmed)


def why_it_cannot_hold(budget: Budget, judging: Judging) -> str:
    """Why a relative budget would fail whatever is measured, by its baseline alone; '' where it would not."""
    try:
        reference = _reference(budget, judging)
        if reference.mismatches and judging.on_mismatch != "warn":
            return _mismatch_text(reference) if judging.on_mismatch == "fail" else ""
        difference((), reference, budget.metric, budget.statistic)
        _margin(budget, reference)
    except NoBaselineError as exc:
        return str(exc) if judging.on_inconclusive == "fail" else ""
    except BaselineError as exc:
        return str(exc)
    return ""


def _reference(budget: Budget, judging: Judging) -> Reference:
    assert budget.relative is not None
    return judging.reference(budget.relative.baseline, budget.stage)


def _mismatched(verdict: Verdict, reference: Reference, judging: Judging) -> Verdict:
    reason = _mismatch_text(reference)
    if judging.on_mismatch == "fail":
        return replace(verdict, reason=reason)
    return replace(verdict, outcome="no baseline", reason=reason, if_open="skip")


def _mismatch_text(reference: Reference) -> str:
    return f"baseline {reference.name!r} was measured with something else: {'; '.join(reference.mismatches)}"


def _change(budget: Budget, stage: StageEvidence, reference: Reference) -> Difference:
    change = difference(stage.runs, reference, budget.metric, budget.statistic)
    if change is None:
        name = figure_name(budget.metric, budget.statistic)
        raise BaselineError(
            f"{name} was not measured in each of the {len(stage.runs)} measurements: measure the case again"
        )
    return change


def _margin(budget: Budget, reference: Reference) -> float:
    """How far the bound lies from the baseline's figure, as a share of it, with its sign.

    Raises:
        BaselineError: It is the noise floor, and there is none.
    """
    relative, name = budget.relative, figure_name(budget.metric, budget.statistic)
    assert relative is not None
    if not relative.noise:
        return relative.change
    floor = noise_floor(reference.runs, budget.metric, budget.statistic)
    if floor is None:
        raise BaselineError(
            f"baseline {reference.name!r} has no noise floor of {name}: it takes {FEWEST_RUNS} runs of the "
            f"same case that measured it as more than 0, and has {len(reference.runs)}; measure them with "
            "`npuperf noise`, or write the margin as a number"
        )
    margin = relative.change_with(floor)
    if margin <= -1:
        raise BaselineError(
            f"baseline {reference.name!r} has a noise floor of {floor:.0%} for {name}, which leaves nothing "
            "to compare with: save more runs, or write the margin as a number"
        )
    return margin


def _judged(
    verdict: Verdict, change: Difference, margin: float, reference: Reference, stage: StageEvidence
) -> Verdict:
    higher_is_worse = verdict.budget.comparison in ("<", "<=")
    allowed, worse = (margin, change.change) if higher_is_worse else (-margin, -change.change)
    given = judge_change(
        change, allowed=allowed, higher_is_worse=higher_is_worse, confirmed=stage.is_confirmed
    )
    outcome: Outcome = "inconclusive" if given == "measure again" else given
    reason, close = "", False
    low, high = change.interval or (None, None)
    if outcome == "inconclusive":
        reason = _open_reason(change, allowed, reference)
    elif change.interval is not None:
        close = change.interval[0] <= margin <= change.interval[1]
    if outcome == "pass" and worse > allowed:
        reason = f"past the bound, but a change of {LEAST_EFFECT * 100:g} % or less is taken for none"
    return replace(
        verdict,
        measured=change.value,
        n=change.n,
        outcome=outcome,
        reason=reason,
        low=None if low is None else change.baseline * (1 + low),
        high=None if high is None else change.baseline * (1 + high),
        needed_n=change.needed_n if change.n < change.needed_n else None,
        close=close,
        of_successes=_of_successes(stage.runs, verdict.budget, change.value),
        baseline=change.baseline,
        bound=change.baseline * (1 + margin),
        unsettled=given == "measure again",
    )


def _open_reason(change: Difference, allowed: float, reference: Reference) -> str:
    if change.interval is not None:
        low, high = change.interval
        nothing = "the least change that is asked for" if allowed < 0 else "no change"
        return f"its change of {change.change:+.1%} ({low:+.1%} .. {high:+.1%}) does not exclude {nothing}"
    if change.n < change.needed_n:
        return f"it rests on {change.n} requests, and only {change.needed_n} tell whether it is chance"
    return (
        f"baseline {reference.name!r} has one run, and requests do not show how far this figure spreads: "
        "save more runs"
    )


def _of_successes(runs: Sequence[StageRun], budget: Budget, value: float) -> float | None:
    """The mean over the runs of the figure of the successful requests alone, where it is another."""
    found = [figure_of_successes(run, budget.metric, budget.statistic) for run in runs]
    known = [alone for alone in found if alone is not None]
    mean = float(np.array(known).mean()) if len(known) == len(found) else None
    return mean if mean != value else None
