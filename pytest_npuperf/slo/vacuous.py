"""Whether a pass would mean anything: what budgets cannot see, because it is not among the figures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from pytest_npuperf.metrics import ClientHealth
from pytest_npuperf.slo.budget import Budget
from pytest_npuperf.trace import UNKNOWN, Trace

__all__ = ["Grounds", "grounds_of", "is_same_model", "vacuous_reasons"]

_LENGTH_TOLERANCE = 0.05
"""Share of its length by which an answer may miss it: so much moves E2EL and throughput by as much."""
_TOKEN_TOLERANCE = 1
"""Tokens by which it may always miss it: some servers count the end-of-sequence token."""
_MISSED_ANSWERS = 0.05
"""Share of the answers that may miss their length by more."""
_RATE_SHORTFALL = 0.10
"""Share of the asked rate that may be missing; where the client lacks as much it is invalid, too."""
_FEWEST_ARRIVALS = 50
"""Arrivals below which the queue that a burst leaves at the end would pass for another rate."""
_SHORTEST_SCHEDULE = 1.0
"""Seconds of arrivals below which the same holds for a moment's wait."""
_LENGTH_METRIC = "missed_output_length"
_VERSION = re.compile(r"(@.+|[-:@]\d{4}(-?\d{2}-?\d{2})?)$")
"""``model@main``, ``model-2024-08-06``, ``model-20240806``, ``model-0613``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """What the verdicts on one load stand on."""

    sent: int | None = None
    """Requests that were sent; None where nobody counted, or where those in flight were given up."""
    accounted: int
    """Requests that have an end, whichever: the rows of the trace."""
    answers: int
    """The successful ones."""
    output_tokens: int | None
    """Of all answers; None where the count of any is not known."""
    exact: int = 0
    """Answers of an exact length asked for, whose tokens the server has counted."""
    missed: int = 0
    """Those of them that are longer or shorter than is tolerated."""
    asked_rate: float | None = None
    """req/s; None in a closed loop, and where the client alone can be late for it."""
    achieved_rate: float | None = None
    max_concurrency: int | None = None
    answered_by: Mapping[str, int] = field(default_factory=dict)
    """Model name -> its answers; those without a name are left out."""
    asked_models: tuple[str, ...] = ()
    """The names that requests asked for; with none, answers may have any name."""
    listed_models: tuple[str, ...] = ()
    """Those that the server lists: an alias that was asked for answers under one of these."""


def grounds_of(
    trace: Trace,
    health: ClientHealth,
    budgets: Iterable[Budget] = (),
    *,
    sent: int | None = None,
    max_concurrency: int | None = None,
    asked_models: tuple[str, ...] = (),
    listed_models: tuple[str, ...] = (),
) -> Grounds:
    """What the verdicts on a load stand on.

    Args:
        trace: Of the load.
        health: The client's. Without a bound on the requests in flight nobody but the client makes
            them late, and its health has judged that.
        budgets: All that the case has: one on ``missed_output_length`` says which lengths will do.
        sent: Requests that the load generator has sent, None where that is not known.
        max_concurrency: How many may be in flight.
        asked_models: The names that requests asked for.
        listed_models: Those that the server lists.
    """
    good = trace.succeeded
    tokens = trace.output_tokens[good]
    exact = good & ~trace.tokens_estimated & (trace.output_tokens != UNKNOWN)
    exact &= trace.asked_output_tokens != UNKNOWN
    if any(_speaks_of_lengths(budget) for budget in budgets):
        exact &= False
    asked = trace.asked_output_tokens[exact]
    tolerated = np.maximum(_TOKEN_TOLERANCE, _LENGTH_TOLERANCE * asked)
    waits_for_client = health.rate_shortfall is not None
    return Grounds(
        sent=sent,
        accounted=len(trace),
        answers=int(good.sum()),
        output_tokens=None if (tokens == UNKNOWN).any() else int(tokens.sum()),
        exact=len(asked),
        missed=int((np.abs(trace.output_tokens[exact] - asked) > tolerated).sum()),
        asked_rate=None if waits_for_client else health.asked_rate,
        achieved_rate=health.achieved_rate,
        max_concurrency=max_concurrency,
        answered_by=Counter(
            name for name, succeeded in zip(trace.model, good, strict=True) if succeeded and name
        ),
        asked_models=asked_models,
        listed_models=listed_models,
    )


def vacuous_reasons(grounds: Grounds) -> tuple[str, ...]:
    """Why a pass would mean nothing, each with what to do about it; nothing where it means something.

    That any request succeeded is a budget of its own: see ``implied_budgets``.
    """
    return tuple(
        reason
        for reason in (
            _unaccounted(grounds),
            _without_tokens(grounds),
            _missed_lengths(grounds),
            _missed_rate(grounds),
            _other_models(grounds),
        )
        if reason
    )


def is_same_model(answered: str, known: str) -> bool:
    """Whether two names are of one model.

    One may have folders before it that the other lacks, or say its version; case does not matter.
    """
    answered, known = answered.casefold(), known.casefold()
    return any(
        _is_tail(a, b) or _is_tail(b, a)
        for a, b in ((answered, known), (_versionless(answered), known), (answered, _versionless(known)))
    )


def _speaks_of_lengths(budget: Budget) -> bool:
    return budget.metric == _LENGTH_METRIC and budget.stage == "total" and not budget.advisory


def _unaccounted(grounds: Grounds) -> str:
    sent, accounted = grounds.sent, grounds.accounted
    if sent is None or sent == accounted:
        return ""
    if sent < accounted:
        what = f"{sent} requests were sent, but {accounted} are accounted for"
    else:
        what = f"{sent - accounted} of {sent} requests sent are not accounted for: they are in no figure"
    return f"{what}. The load generator has lost count, so measure again; the log of the load may say why"


def _without_tokens(grounds: Grounds) -> str:
    if not grounds.answers or grounds.output_tokens != 0:
        return ""
    return (
        f"no output token in {grounds.answers} successful answers, as the server's usage has it. Have it "
        "count them, or report no usage: then chunks are counted"
    )


def _missed_lengths(grounds: Grounds) -> str:
    missed, exact = grounds.missed, grounds.exact
    if missed <= _MISSED_ANSWERS * exact:
        return ""
    return (
        f"{missed} of {exact} answers missed the exact output length asked for by more than "
        f"{_LENGTH_TOLERANCE:.0%}. The server does not keep it: look at its context length and the case's "
        f"extra_body; where that will do, say so by a budget such as {_LENGTH_METRIC} <= 100 %"
    )


def _missed_rate(grounds: Grounds) -> str:
    asked, achieved = grounds.asked_rate, grounds.achieved_rate
    if not asked or not achieved or grounds.accounted < _FEWEST_ARRIVALS:
        return ""
    is_short = (grounds.accounted - 1) / asked < _SHORTEST_SCHEDULE
    if is_short or achieved > (1 - _RATE_SHORTFALL) * asked:
        return ""
    bound = grounds.max_concurrency
    why = f", as no more than {bound} may be in flight" if bound is not None else ""
    return (
        f"requests were sent at {achieved:.3g} req/s, not at the {asked:.3g} req/s asked for{why}. "
        "Lower the rate, or raise the load's concurrency"
    )


def _other_models(grounds: Grounds) -> str:
    answered, asked, listed = grounds.answered_by, grounds.asked_models, grounds.listed_models
    if not asked:
        return ""
    known = (*asked, *listed)
    foreign = [name for name in answered if not any(is_same_model(name, one) for one in known)]
    if foreign:
        lists = f", and the server lists {_quoted(listed)}" if listed else ""
        return (
            f"{sum(answered[name] for name in foreign)} of {grounds.answers} answers came from the model "
            f"{_quoted(foreign)}, but {_quoted(asked)} was asked for{lists}. Have the server list the name "
            f"(vLLM: --served-model-name), or ask for it by extra_body: {{model: {foreign[0]}}}"
        )
    if len(list(_distinct(answered))) > len(asked):
        counts = ", ".join(f"{name!r} ({count})" for name, count in answered.items())
        return (
            f"answers came from several models, though {_quoted(asked)} was asked for: {counts}. "
            "Measure a server that answers by one of them"
        )
    return ""


def _distinct(names: Iterable[str]) -> Iterator[str]:
    """The names of different models."""
    seen: list[str] = []
    for name in names:
        if not any(is_same_model(name, one) for one in seen):
            seen.append(name)
            yield name


def _versionless(name: str) -> str:
    return _VERSION.sub("", name)


def _is_tail(name: str, path: str) -> bool:
    return path.rstrip("/") == name or path.rstrip("/").endswith(f"/{name}")


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))
