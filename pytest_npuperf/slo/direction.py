"""Budgets that bound a figure from its good side."""

from __future__ import annotations

from pytest_npuperf.slo.budget import Budget
from pytest_npuperf.slo.vocabulary import GOODPUTS, METRICS

__all__ = ["direction_warning"]

_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_ON_THE_GOOD_SIDE = {"lower": (">", ">="), "higher": ("<", "<=")}
_WORSE = {"lower": "higher", "higher": "lower"}


def direction_warning(budget: Budget) -> str:
    """What to say of a comparison that is the wrong way round: ``ttft.p99 > 500 ms``; '' where none is.

    The bounds of ``goodput(...)`` are looked at too. Which side of a metric is the good one is in
    ``vocabulary.METRICS``; those that have none are never the wrong way round.
    """
    hints = [hint for one in (*budget.parts, budget) if (hint := _hint(one))]
    return f"budget {budget.expression!r}: {' '.join(hints)}" if hints else ""


def _hint(budget: Budget) -> str:
    metric = METRICS.get(budget.metric) or GOODPUTS.get(budget.metric)
    direction = metric.direction if metric is not None else None
    if direction is None or budget.comparison not in _ON_THE_GOOD_SIDE[direction]:
        return ""
    worse, turned = _WORSE[direction], _TURNED[budget.comparison]
    return f"a {worse} {budget.metric} is worse; did you mean {turned!r}?"
