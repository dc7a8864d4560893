"""How the verdict is to be read: what the marks mean, as far as there are any."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from math import isinf

from pytest_npuperf.report.html.markup import Markup, element
from pytest_npuperf.report.html.verdict_marks import verdict_strip
from pytest_npuperf.report.tables import UNSUPPORTED
from pytest_npuperf.slo import Verdict

__all__ = ["reading"]

_OF_VERDICTS: Sequence[tuple[str, str, Callable[[Verdict], bool]]] = (
    (
        "Picture",
        "The line is the bound and stands at the same place in all pictures, on an axis from 0 (of shares "
        "near 100 %, one that ends there); the tint is its good side. The dot is what was measured, the bar "
        "its interval. An arrow is what lies further off than the axis reaches, or a side without a bound.",
        lambda verdict: verdict_strip(verdict) is not None,
    ),
    (
        "90 % interval",
        "How exactly the figure is known: the true one lies below it in one case of 20, above it in another.",
        lambda verdict: verdict.low is not None or verdict.high is not None,
    ),
    (
        "≥, ≤",
        "The interval is bounded on one side only: there are too few values to tell the other.",
        lambda verdict: (verdict.low is None) != (verdict.high is None),
    ),
    (
        "infinite",
        "A failed request counts as infinitely slow, and so many failed that the figure is one of theirs.",
        lambda verdict: any(
            value is not None and isinf(value) for value in (verdict.measured, verdict.low, verdict.high)
        ),
    ),
    (
        "unsupported (needs …)",
        "The figure rests on n requests, and its interval takes that many: it says little of what is rare.",
        lambda verdict: verdict.needed_n is not None,
    ),
    (
        "close",
        "The bound lies within the interval: another run could come out the other way.",
        lambda verdict: verdict.close,
    ),
    ("advisory", "The budget only warns.", lambda verdict: verdict.budget.advisory),
    ("(implied)", "Nobody wrote the budget: every case has it.", lambda verdict: verdict.budget.implied),
    (
        "inconclusive",
        "Nobody can tell: chance may have decided, or too few requests did.",
        lambda verdict: verdict.outcome == "inconclusive",
    ),
    (
        "no baseline",
        "There is nothing to compare with, or nothing that may be compared.",
        lambda verdict: verdict.outcome == "no baseline",
    ),
)
_OF_CASES = {
    "error": "The test broke outside of its own code: a fixture, or the server.",
    "not measured": "There are no figures of the server, so nothing was judged.",
    "client invalid": "The client was the bottleneck: the figures are not the server's.",
    "client suspect": "The figures may hold a part of the client.",
    "stopped": "The load was interrupted: the figures are of what was measured until then.",
    "aborted": "The load was given up by a rule of the case.",
    "vacuous": "A pass would mean nothing, for the reason given.",
    "suspect": "The figures may be those of another load than was meant.",
}


def reading(verdicts: Sequence[Verdict], words: Container[str], *, has_unsupported: bool) -> Markup | None:
    """Something to unfold that says what each mark means; None where there is none.

    Args:
        verdicts: All that are shown.
        words: The states and chips of the cases.
        has_unsupported: Whether a key figure is marked as resting on too few requests.
    """
    found = [(mark, text) for mark, text, occurs in _OF_VERDICTS if any(map(occurs, verdicts))]
    found += [(word, text) for word, text in _OF_CASES.items() if word in words]
    if has_unsupported:
        found.append((UNSUPPORTED, "The percentile rests on too few requests."))
    if not found:
        return None
    pairs = [element("div", element("dt", mark), element("dd", text)) for mark, text in found]
    return element("details", element("summary", "How to read this"), element("dl", *pairs), class_="reading")
