from __future__ import annotations

import re

import pytest

from benchmarks.absolute import COLUMNS, MARGINS, PAGE, gates

# of 2,000 gates: two standard errors are at most 2 points
EXPECTED = {0.0: 26, 0.03: 10, 0.05: 5, 0.10: 0}


def rows() -> dict[float, list[float]]:
    """The table of the page: margin -> the shares of its row, all in percent."""
    written = PAGE.read_text(encoding="utf-8").partition("<!-- absolute: written")[2]
    written = written.partition("<!-- end of absolute -->")[0]
    header, _, *cells = re.findall(r"^\| (.+) \|$", written, re.MULTILINE)
    assert header == " | ".join(COLUMNS)
    numbers = [[float(cell.removesuffix(" %")) for cell in row.split(" | ")] for row in cells]
    return {row[0] / 100: row[1:] for row in numbers}


def test_the_page_has_what_each_margin_costs() -> None:
    assert tuple(rows()) == MARGINS
    assert {margin: red for margin, (_, _, red) in rows().items()} == {
        margin: pytest.approx(red, abs=2) for margin, red in EXPECTED.items()
    }


def test_a_second_look_never_makes_more_gates_red() -> None:
    assert all(red <= first for first, _, red in rows().values())


def test_the_gates_of_today_are_those_of_the_page() -> None:
    for margin, (first, again, red) in rows().items():
        tally = gates(margin, 200)
        # 200 of the 2,000: two standard errors are 7 points at most
        assert 100 * tally.first == pytest.approx(first, abs=8)
        assert 100 * tally.again == pytest.approx(again, abs=8)
        assert 100 * tally.red == pytest.approx(red, abs=8)
