"""A budget expression in pieces, and errors that point at one of them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_npuperf.errors import BudgetError

__all__ = ["Pieces", "error_at", "pieces_of", "relative_pieces", "request_pieces"]

Pieces = re.Match[str]
"""The pieces by their names; their places are those in the whole expression."""

# Both match every line: each piece takes what stands in its place, right or wrong, so that the
# error can point at it.
_BUDGET = re.compile(
    r"""((?P<stage>total|steady|turn\ [1-9]\d*)\.)?
        (?P<metric>[^\s.<>=!()]*)
        (\s*(?P<open>\()(?P<inside>[^()]*)(?P<close>[()]?))?
        (\.(?P<statistic>[^\s<>=!]*))?
        \s*(?P<comparison>[<>=!]*)
        \s*(?P<number>[-+\d.,_]*)
        \s*(?P<unit>.*)""",
    re.VERBOSE,
)
_RELATIVE = re.compile(
    r"""baseline\b
        (\s*\(\s*(?P<name>[^()]*?)\s*\))?
        \s*(?P<sign>[-+]?)
        \s*(?P<margin>
            (?P<larger>max\s*\(\s*)?
            (?P<number>[-+\d.,_]*)
            \s*(?P<unit>.*?)
            (?P<noise>\s*,\s*noise\s*\))?
        )""",
    re.VERBOSE,
)


def pieces_of(expression: str, start: int = 0, end: int | None = None) -> Pieces:
    """A budget's pieces: stage, metric, open, inside, close, statistic, comparison, number, unit.

    Args:
        expression: A line with single spaces.
        start: Where the budget begins in it.
        end: Where it ends; None is the end of the line.
    """
    pieces = _BUDGET.fullmatch(expression, start, len(expression) if end is None else end)
    assert pieces is not None
    return pieces


def request_pieces(goodput: Pieces) -> Iterator[Pieces]:
    """The pieces of each of the bounds that stand inside the parentheses of ``goodput(...)``."""
    start = goodput.start("inside")
    for bound in goodput["inside"].split(","):
        first = start + len(bound) - len(bound.lstrip())
        yield pieces_of(goodput.string, first, first + len(bound.strip()))
        start += len(bound) + 1


def relative_pieces(budget: Pieces) -> Pieces | None:
    """The pieces of a bound such as ``baseline + 10 %``: name, sign, margin; None where it is no such bound.

    In the margin are larger, number, unit and noise: ``max(``, ``5``, ``%`` and ``, noise)``.
    """
    return None if budget["number"] else _RELATIVE.fullmatch(budget.string, budget.start("unit"))


def error_at(pieces: Pieces, piece: str, what: str, allowed: str = "") -> BudgetError:
    """An error that repeats the expression and points at a piece of it."""
    start, end = pieces.span(piece)
    pointer = " " * start + "^" * max(1, end - start)
    lines = [f"budget {pieces.string!r}: {what}", f"    {pieces.string}", f"    {pointer}"]
    return BudgetError("\n".join([*lines, allowed] if allowed else lines))
