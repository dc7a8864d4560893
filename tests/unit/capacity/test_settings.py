from __future__ import annotations

import re
from dataclasses import replace

import pytest

from pytest_npuperf.capacity import Search, Sweep
from pytest_npuperf.errors import CaseError
from pytest_npuperf.slo import parse_budget

BUDGETS = (parse_budget("ttft.p99 < 500 ms"),)


def test_a_search_goes_from_one_to_512_where_nothing_is_said() -> None:
    search = Search("concurrency", BUDGETS)
    assert (search.lowest, search.highest) == (1, 512)


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ({"budgets": ()}, "a search has no budget to keep: name at least one under 'while'"),
        (
            {"budgets": (*BUDGETS, "ttft.p99 <= baseline + 5 %")},
            "a search cannot keep 'ttft.p99 <= baseline + 5 %': it measures many loads, and a baseline has "
            "the figures of one; bound the figure by a number",
        ),
        (
            {"budgets": (replace(BUDGETS[0], advisory=True),)},
            "a search cannot keep 'ttft.p99 < 500 ms', which is advisory: what only warns ends no search; "
            "leave it out",
        ),
        ({"lowest": 8, "highest": 4}, "a search goes from 8 to 4: 'from' must not be above 'to'"),
        ({"lowest": 0}, "a search over concurrency has a load of 0: loads are above 0"),
        ({"highest": 2.5}, "a search over concurrency has a load of 2.5: clients are whole numbers"),
    ],
)
def test_a_search_that_cannot_be_made_says_why(search: dict[str, object], message: str) -> None:
    settings = {"maximize": "concurrency", "budgets": BUDGETS, **search}
    with pytest.raises(CaseError, match=f"^{re.escape(message)}"):
        Search(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((), "a sweep over rate has no values: list at least one"),
        ((1, -2), "a sweep over rate has a load of -2: loads are above 0"),
        ((1, 4, 4), "a sweep has 4 after 4: list each load once, the smallest first"),
        ((2, 1), "a sweep has 1 after 2: list each load once, the smallest first"),
    ],
)
def test_a_sweep_that_cannot_be_made_says_why(values: tuple[float, ...], message: str) -> None:
    with pytest.raises(CaseError, match=f"^{re.escape(message)}$"):
        Sweep("rate", values)


def test_rates_need_not_be_whole() -> None:
    assert Sweep("rate", (0.5, 1.25)).values == (0.5, 1.25)
    assert Search("rate", BUDGETS, 0.5, 1.5).highest == 1.5
