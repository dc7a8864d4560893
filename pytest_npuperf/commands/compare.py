"""``npuperf compare``: the figures of two reports beside each other."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pytest_npuperf.baselines import mismatches, unknown_facts
from pytest_npuperf.commands.figures import parse_figure
from pytest_npuperf.commands.output import GREEN, RED, has_colours, write_lines
from pytest_npuperf.commands.places import baselines_folder
from pytest_npuperf.commands.sides import Side, SideCase, read_side
from pytest_npuperf.errors import SettingsError
from pytest_npuperf.report.change import MAIN_FIGURES, Word, change_of
from pytest_npuperf.report.change_table import change_table
from pytest_npuperf.text import printable

__all__ = ["compare"]

_COLOURS: dict[Word | None, str] = {"better": GREEN, "worse": RED}


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
    write_lines([f"A: {a.title}", f"B: {b.title}"])
    write_lines(_unlike(of_all, _not_compared(pairs.values())))
    in_colours = has_colours(sys.stdout)
    for name, pair in pairs.items():
        own = [what for what in differing[name] if what not in of_all]
        write_lines(["", name, *_marks(*pair), *_unlike(own, [])])
        changes = [change_of(figure, *(side.stages for side in pair)) for figure in wanted]
        for line, word in change_table(changes):
            colour = _COLOURS.get(word) if in_colours else None
            write_lines([line], colour)
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
        yield f"not like with like (A is the baseline): {'; '.join(differing)}"
    if not_compared:
        yield f"not compared, as not both sides know it: {', '.join(not_compared)}"


def _marks(a: SideCase, b: SideCase) -> Iterator[str]:
    for side, case in (("A", a), ("B", b)):
        yield from (f"{side}: {mark}" for mark in case.marks)


def _one_sided(a: Side, b: Side) -> Iterator[str]:
    for side, one, other in (("A", a, b), ("B", b, a)):
        alone = [name for name in one.cases if name not in other.cases]
        if alone:
            yield from ("", f"only in {side}: {_names(alone)}")


def _names(names: Iterable[str]) -> str:
    return ", ".join(map(printable, names)) or "none"
