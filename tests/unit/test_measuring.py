"""Which way a case is measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from pytest_npuperf import measuring
from pytest_npuperf.capacity import Search, Sweep
from pytest_npuperf.case import Case
from pytest_npuperf.confirming import Confirming
from pytest_npuperf.errors import CaseError
from pytest_npuperf.explorer import Explorer
from pytest_npuperf.load.plan import ClosedLoop
from pytest_npuperf.pairing import Pairing
from pytest_npuperf.runner import ClientSettings
from pytest_npuperf.slo import parse_budget
from pytest_npuperf.workload import Synthetic

CASE = Case(name="chat", dataset=Synthetic(input_tokens=8, output_tokens=8), seed=1)
SEARCH = Search("concurrency", (parse_budget("ttft.p99 < 500 ms"),), 1, 64)
COMMON: dict[str, Any] = {"nodeid": "x", "log": Path("chat.log"), "note": print, "client": ClientSettings()}

Started = list[tuple[Case, Any, dict[str, Any]]]


class FakeRun:
    """A run that tells how it was started."""

    started: Started

    def __init__(self, case: Case, target: Any, **settings: Any) -> None:
        self.started.append((case, target, settings))


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    started: Started = []
    monkeypatch.setattr(measuring, "CaseRun", FakeRun)
    monkeypatch.setattr(FakeRun, "started", started, raising=False)
    return started


def measure(case: Case, *, confirmations: int) -> object:
    target: Any = "server"
    return measuring.measure(case, target, confirmations=confirmations, is_unsettled=lambda _: True, **COMMON)


def test_a_case_that_is_not_confirmed_is_run_as_it_is(started: Started) -> None:
    run = measure(CASE, confirmations=0)
    assert isinstance(run, FakeRun)
    assert started == [(CASE, "server", COMMON)]


def test_a_case_at_one_load_may_be_measured_again(started: Started) -> None:
    assert isinstance(measure(CASE, confirmations=1), Confirming)
    assert started == [(CASE, "server", COMMON)]


@pytest.mark.parametrize("confirmations", [0, 1])
def test_a_search_measures_as_often_as_it_needs(started: Started, confirmations: int) -> None:
    searching = msgspec.structs.replace(CASE, search=SEARCH)
    assert isinstance(measure(searching, confirmations=confirmations), Explorer)
    ((step, target, settings),) = started
    assert (step.search, step.load, target, settings) == (None, ClosedLoop(1), "server", COMMON)


def test_a_sweep_measures_each_of_its_loads(started: Started) -> None:
    sweeping = msgspec.structs.replace(CASE, sweep=Sweep("concurrency", (3, 4)))
    assert isinstance(measure(sweeping, confirmations=1), Explorer)
    assert [step.load for step, _, _ in started] == [ClosedLoop(3)]


def test_pairs_begin_with_the_server_b(started: Started) -> None:
    brought_up: list[str] = []

    def target_of(side: str) -> Any:
        brought_up.append(side)
        return f"server {side}"

    assert isinstance(measuring.measure_pairs(CASE, target_of, **COMMON), Pairing)
    ((turn, target, settings),) = started
    assert (turn.load, target, settings) == (CASE.load, "server B", COMMON)
    assert brought_up == ["B"]


@pytest.mark.parametrize("several", [{"search": SEARCH}, {"sweep": Sweep("concurrency", (1, 2))}])
def test_a_case_at_several_loads_has_no_pairs_and_brings_no_server_up(
    started: Started, several: dict[str, Any]
) -> None:
    def target_of(side: str) -> Any:
        raise AssertionError(f"{side} was brought up")

    with pytest.raises(CaseError) as caught:
        measuring.measure_pairs(msgspec.structs.replace(CASE, **several), target_of, **COMMON)
    assert str(caught.value) == (
        "chat: a search or a sweep cannot be measured by turns: "
        "leave it out, or measure the two servers in two runs without --npuperf-ab"
    )
    assert started == []
