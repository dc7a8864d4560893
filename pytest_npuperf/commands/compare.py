"""``npuperf compare``: the figures of two reports beside each other."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from math import isinf
from pathlib import Path

from tabulate import tabulate

from pytest_npuperf.baselines import mismatches, unknown_facts
from pytest_npuperf.commands.change import Change, change_of
from pytest_npuperf.commands.figures import MAIN_FIGURES, figure_text, parse_figure
from pytest_npuperf.commands.output import GREEN, RED, coloured, has_colours, write_lines
from pytest_npuperf.commands.places import baselines_folder
from pytest_npuperf.commands.sides import Side, SideCase, read_side
from pytest_npuperf.errors import SettingsError
from pytest_npuperf.report.cells import EMPTY
from pytest_npuperf.report.text import printable

__all__ = ["compare"]

_HEADER = ("figure", "A", "B", "change", "90 % interval", "n", "B is")
_COLOURS = {"better": GREEN, "worse": RED}
_HEADER_LINES = 2


def compare(place_a: str, place_b: str, figures: Sequence[str]) -> int:
    """Print a table for each case that both sides have; always 0, as nothing is judged.

    Args:
        place_a: A report or a baseline, the one that changes count from.
        place_b: The other.
        figures: Such as ``ttft.p99``; the main ones where there are none.

    Raises:
        SettingsError: A side is not there, they have no case in common, or there is no such figure.
        ReportError: A report is damaged.
        BaselineError: A baseline is damaged.
    """
    wanted = [parse_figure(text) for text in figures] or MAIN_FIGURES
    folder = baselines_folder(Path.cwd())
    a, b = read_side(place_a, folder), read_side(place_b, folder)
    common = [name for name in a.cases if name in b.cases]
    if not common:
        raise SettingsError(
            f"A and B have no case in common: A has {_names(a.cases)}, B has {_names(b.cases)}; "
            "measure the same cases"
        )
    pairs = {name: (a.cases[name], b.cases[name]) for name in common}
    differing = {name: _differing(*pair) for name, pair in pairs.items()}
    of_all = [what for what in differing[common[0]] if all(what in found for found in differing.values())]
    write_lines([f"A: {printable(a.title)}", f"B: {printable(b.title)}"])
    write_lines(_unlike(of_all, _not_compared(pairs.values())))
    in_colours = has_colours(sys.stdout)
    for name, pair in pairs.items():
        own = [what for what in differing[name] if what not in of_all]
        write_lines(["", printable(name), *_marks(*pair), *_unlike(own, [])])
        write_lines(_table([change_of(figure, *pair) for figure in wanted], in_colours=in_colours))
    write_lines(_one_sided(a, b))
    return 0


def _differing(a: SideCase, b: SideCase) -> list[str]:
    """What both were measured with that is not the same."""
    found = [what for of_a in a.fingerprints for of_b in b.fingerprints for what in mismatches(of_a, of_b)]
    return list(dict.fromkeys(found))


def _not_compared(pairs: Iterable[tuple[SideCase, SideCase]]) -> list[str]:
    """The facts that one side or both do not know."""
    found = [
        fact
        for a, b in pairs
        for of_a in a.fingerprints
        for of_b in b.fingerprints
        for fact in unknown_facts(of_a, of_b)
    ]
    return list(dict.fromkeys(found))


def _unlike(differing: Sequence[str], not_compared: Sequence[str]) -> Iterator[str]:
    if differing:
        yield f"not like with like (A is the baseline): {printable('; '.join(differing))}"
    if not_compared:
        yield f"not compared, as not both sides know it: {printable(', '.join(not_compared))}"


def _marks(a: SideCase, b: SideCase) -> Iterator[str]:
    for side, case in (("A", a), ("B", b)):
        yield from (f"{side}: {printable(mark)}" for mark in case.marks)


def _table(changes: Sequence[Change], *, in_colours: bool) -> Iterator[str]:
    table = tabulate(map(_row, changes), _HEADER, tablefmt="simple", disable_numparse=True).splitlines()
    yield from table[:_HEADER_LINES]
    for line, change in zip(table[_HEADER_LINES:], changes, strict=True):
        colour = _COLOURS.get(change.word) if in_colours else None
        yield line if colour is None else coloured(line, colour)


def _row(change: Change) -> tuple[str, ...]:
    metric = change.figure.metric
    return (
        change.figure.name,
        figure_text(change.a, metric),
        figure_text(change.b, metric),
        EMPTY if change.change is None else _percent(change.change),
        EMPTY if change.interval is None else " .. ".join(map(_percent, change.interval)),
        _n_text(change),
        change.word,
    )


def _percent(share: float) -> str:
    return "infinite" if isinf(share) else f"{share:+.1%}"


def _n_text(change: Change) -> str:
    n_a, n_b = change.n
    n = str(n_a) if n_a == n_b else f"{n_a}, {n_b}"
    return n if change.needed_n is None else f"{n} (needs {change.needed_n})"


def _one_sided(a: Side, b: Side) -> Iterator[str]:
    for side, one, other in (("A", a, b), ("B", b, a)):
        alone = [name for name in one.cases if name not in other.cases]
        if alone:
            yield from ("", f"only in {side}: {_names(alone)}")


def _names(names: Iterable[str]) -> str:
    return ", ".join(map(printable, names)) or "none"
