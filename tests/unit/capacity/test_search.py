from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_npuperf.capacity import End, Search, loads_of, next_load
from pytest_npuperf.slo import parse_budget

BUDGETS = (parse_budget("ttft.p99 < 500 ms"),)
Measured = list[tuple[float, bool | None]]


def explore(
    loads: Sequence[float], keeps: Callable[[float], bool | None], most: int = 1000
) -> tuple[End, Measured]:
    """Measure until the search is over."""
    measured: Measured = []
    for _ in range(most):
        load = next_load(loads, measured)
        if isinstance(load, End):
            return load, measured
        assert load in loads
        measured.append((load, keeps(load)))
    raise AssertionError(f"no end after {most} measurements: {measured}")


def clean_bound(loads: Sequence[float]) -> int:
    """Doubling, bisection, and the edge once more on either side."""
    doublings = math.ceil(math.log2(loads[-1] / loads[0])) + 1
    bisections = math.ceil(math.log2(len(loads))) + 1
    return doublings + bisections + 2


def searches() -> st.SearchStrategy[Sequence[float]]:
    clients = st.tuples(st.integers(1, 300), st.integers(0, 3000)).map(
        lambda ends: Search("concurrency", BUDGETS, ends[0], ends[0] + ends[1])
    )
    rates = st.tuples(st.floats(0.01, 100), st.floats(1, 300)).map(
        lambda ends: Search("rate", BUDGETS, ends[0], ends[0] * ends[1])
    )
    return st.one_of(clients, rates).map(loads_of)


def test_it_doubles_then_bisects_then_measures_the_edge_again() -> None:
    loads = loads_of(Search("concurrency", BUDGETS, 1, 512))
    end, measured = explore(loads, lambda load: load <= 11)
    assert [load for load, _ in measured] == [1, 2, 4, 8, 16, 12, 10, 11, 11, 12]
    assert end == End("edge", found=11, neighbour=12)


@given(searches(), st.data())
def test_any_capacity_is_found_exactly_on_the_grid_in_logarithmic_time(
    loads: Sequence[float], data: st.DataObject
) -> None:
    largest = data.draw(st.integers(-1, len(loads) - 1))
    end, measured = explore(loads, lambda load: loads.index(load) <= largest)
    if largest == -1:
        assert end == End("lowest_broken")
    elif largest == len(loads) - 1:
        assert end == End("highest_kept", found=loads[-1])
    else:
        assert end == End("edge", found=loads[largest], neighbour=loads[largest + 1])
    assert len(measured) <= clean_bound(loads)


@given(searches(), st.data())
def test_whatever_is_answered_it_ends_and_two_measurements_speak_for_what_it_says(
    loads: Sequence[float], data: st.DataObject
) -> None:
    answers = st.sampled_from([True, False, True, False, None])
    end, measured = explore(loads, lambda _: data.draw(answers))
    assert sum(kept is not None for _, kept in measured) <= 3 * clean_bound(loads)
    assert len(measured) <= 6 * clean_bound(loads)
    for load, holds in ((end.found, True), (end.neighbour, False)):
        if load is not None:
            votes = [kept for measured_load, kept in measured if measured_load == load]
            assert votes.count(holds) == 2
            assert votes.count(not holds) <= 1
    if end.reason == "lowest_broken":
        assert [kept for load, kept in measured if load == loads[0]].count(False) == 2
    if end.neighbour is not None:
        assert end.found is not None
        assert loads.index(end.neighbour) == loads.index(end.found) + 1


@given(st.integers(1, 511), st.integers(1, 511), st.booleans())
def test_one_wrong_answer_anywhere_does_not_change_what_is_found(
    capacity: int, wrong_load: int, first: bool
) -> None:
    loads = loads_of(Search("concurrency", BUDGETS, 1, 512))
    asked: list[float] = []

    def keeps(load: float) -> bool:
        asked.append(load)
        wrong = load == wrong_load and asked.count(load) == (1 if first else 2)
        return (load <= capacity) != wrong

    end, _ = explore(loads, keeps)
    assert end == End("edge", found=capacity, neighbour=capacity + 1)


def test_a_lucky_run_at_the_edge_is_outvoted_and_the_search_goes_down() -> None:
    loads = loads_of(Search("concurrency", BUDGETS, 1, 8))
    lucky = iter([True, False, False])
    end, measured = explore(loads, lambda load: next(lucky) if load == 5 else load <= 4)
    assert measured.count((5, False)) == 2
    assert end == End("edge", found=4, neighbour=5)


def test_an_unlucky_run_at_the_edge_is_outvoted_and_the_search_goes_up() -> None:
    loads = loads_of(Search("concurrency", BUDGETS, 1, 8))
    unlucky = iter([False, True, True])
    end, measured = explore(loads, lambda load: next(unlucky) if load == 4 else load <= 5)
    assert measured.count((4, True)) == 2
    assert end == End("edge", found=5, neighbour=6)


def test_a_single_load_is_confirmed() -> None:
    loads = loads_of(Search("concurrency", BUDGETS, 4, 4))
    end, measured = explore(loads, lambda _: True)
    assert measured == [(4, True), (4, True)]
    assert end == End("highest_kept", found=4)


def test_where_the_client_is_the_bottleneck_what_was_found_before_is_confirmed_and_it_ends() -> None:
    loads = loads_of(Search("concurrency", BUDGETS, 1, 512))
    end, measured = explore(loads, lambda load: True if load < 8 else None)
    assert measured == [(1, True), (2, True), (4, True), (8, None), (8, None), (4, True)]
    assert end == End("client_bound", found=4)


def test_a_client_that_is_the_bottleneck_in_the_confirmation_leaves_nothing_found() -> None:
    loads = loads_of(Search("concurrency", BUDGETS, 1, 512))
    asked: list[float] = []

    def keeps(load: float) -> bool | None:
        asked.append(load)
        return True if len(asked) < 3 else None

    end, measured = explore(loads, keeps)
    assert measured == [(1, True), (2, True), (4, None), (4, None), (2, None), (2, None)]
    assert end == End("client_bound")


@pytest.mark.parametrize("disturbed", range(1, 11))
def test_a_client_that_is_disturbed_once_is_given_another_try(disturbed: int) -> None:
    asked: list[float] = []

    def keeps(load: float) -> bool | None:
        asked.append(load)
        return None if len(asked) == disturbed else load <= 11

    end, measured = explore(loads_of(Search("concurrency", BUDGETS, 1, 512)), keeps)
    assert end == End("edge", found=11, neighbour=12)
    assert asked[disturbed - 1] == asked[disturbed]
    assert len(measured) == 11


def test_a_client_that_is_the_bottleneck_from_the_beginning_ends_it_there() -> None:
    end, measured = explore(loads_of(Search("rate", BUDGETS)), lambda _: None)
    assert measured == [(1, None), (1, None)]
    assert end == End("client_bound")


def test_clients_are_all_whole_numbers() -> None:
    assert list(loads_of(Search("concurrency", BUDGETS, 3.0, 6.0))) == [3, 4, 5, 6]


@pytest.mark.parametrize(("lowest", "highest"), [(1, 512), (0.25, 3.0), (1.2345, 1.2346), (7, 7)])
def test_rates_rise_by_about_five_percent_from_the_lowest_to_the_highest(
    lowest: float, highest: float
) -> None:
    rates = loads_of(Search("rate", BUDGETS, lowest, highest))
    assert (rates[0], rates[-1]) == (lowest, highest)
    assert all(1 < following / rate <= 1.06 for rate, following in pairwise(rates))
    assert all(following / rate >= 1.04 for rate, following in pairwise(rates[:-1]))


def test_the_budgets_of_a_search_can_be_given_as_texts() -> None:
    search = Search("concurrency", ("ttft.p99 < 500 ms",))  # type: ignore[arg-type]

    assert [budget.metric for budget in search.budgets] == ["ttft"]
