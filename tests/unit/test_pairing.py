"""Two servers that take turns, over runs that are made up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_npuperf.case import Case
from pytest_npuperf.errors import LoadError
from pytest_npuperf.load.plan import ClosedLoop
from pytest_npuperf.metrics import ClientHealth, summarize
from pytest_npuperf.pairing import PAIRS, Pairing, Side
from pytest_npuperf.result import CaseResult
from pytest_npuperf.trace import Trace
from pytest_npuperf.workload import Synthetic

CASE = Case(
    name="chat", dataset=Synthetic(input_tokens=8, output_tokens=8), load=ClosedLoop(1), requests=2, seed=1
)


class FakeRun:
    """Over at the first poll; answers of A take 100 ms, those of B 200 ms."""

    def __init__(self, lab: Lab, case: Case, side: Side) -> None:
        self.lab, self.case, self.side = lab, case, side

    def poll(self) -> bool:
        return True

    def finish(self, *, stopped: bool = False) -> CaseResult:
        if len(self.lab.runs) == self.lab.dies_at:
            raise LoadError("the load generator ended with exit code 1")
        return self.lab.result(self.case, 100 if self.side == "A" else 200, stopped=stopped)

    def close(self) -> None:
        self.lab.open.remove(self)


class Lab:
    """Starts runs and remembers them."""

    def __init__(self, build_trace: Callable[..., Trace], healthy: ClientHealth) -> None:
        self.build_trace, self.healthy = build_trace, healthy
        self.runs: list[FakeRun] = []
        self.open: list[FakeRun] = []
        self.aborted_at = self.dies_at = 0

    def start(self, case: Case, side: Side) -> Any:
        assert not self.open, "one load at a time"
        self.runs.append(FakeRun(self, case, side))
        self.open.append(self.runs[-1])
        return self.runs[-1]

    def result(self, case: Case, length: int, *, stopped: bool) -> CaseResult:
        trace = self.build_trace(
            *({"sent": start, "chunks": [start + length], "end": start + length} for start in (0, 1000))
        )
        return CaseResult(
            name=case.name,
            nodeid="npuperf.yaml::chat",
            settings=case.described(),
            started="2026-03-26T20:22:04+08:00",
            stopped=stopped,
            aborted="the server is gone" if len(self.runs) == self.aborted_at else "",
            trace=trace,
            summary=summarize(trace, max_concurrency=1),
            health=self.healthy,
        )

    def pairing(self) -> Pairing:
        return Pairing(CASE, self.start, lambda _: None)


@pytest.fixture
def lab(build_trace: Callable[..., Trace], healthy: ClientHealth) -> Lab:
    return Lab(build_trace, healthy)


def measured(pairing: Pairing, polls: int = 2 * PAIRS) -> bool:
    """Whether it is over after that many polls."""
    return any(pairing.poll() for _ in range(polls))


def test_each_is_measured_as_often_and_comes_first_by_turns(lab: Lab) -> None:
    pairing = lab.pairing()
    assert measured(pairing)
    assert [run.side for run in lab.runs] == ["B", "A", "A", "B", "B", "A"]
    assert len({run.case.name for run in lab.runs}) == 6, "each has prompts of its own"
    assert not lab.open


def test_the_result_is_that_of_b_and_the_other_that_of_a(lab: Lab) -> None:
    pairing = lab.pairing()
    measured(pairing)
    b, a = pairing.finish(), pairing.other
    assert a is not None
    assert (b.name, a.name) == ("chat", "chat@A")
    assert (b.ttft.avg, a.ttft.avg) == (pytest.approx(0.2), pytest.approx(0.1))
    assert (len(b.measurements), len(a.measurements)) == (PAIRS, PAIRS)
    assert b.settings == a.settings == CASE.described()


@pytest.mark.parametrize(("at", "side"), [(1, "B"), (2, "A"), (3, "A"), (4, "B")])
def test_a_load_that_was_given_up_ends_it(lab: Lab, at: int, side: Side) -> None:
    lab.aborted_at = at
    pairing = lab.pairing()
    assert measured(pairing, polls=at)
    result = pairing.finish() if side == "B" else pairing.other
    assert result is not None
    assert result.aborted == "the server is gone"
    assert not lab.open


def test_what_was_measured_before_an_interrupt_is_kept(lab: Lab) -> None:
    pairing = lab.pairing()
    assert not measured(pairing, polls=2)
    result = pairing.finish(stopped=True)
    assert (result.name, result.stopped, len(result.measurements)) == ("chat", True, 1)
    assert not lab.open


def test_an_interrupt_in_the_first_turn_leaves_b_alone(lab: Lab) -> None:
    pairing = lab.pairing()
    result = pairing.finish(stopped=True)
    assert (result.name, result.stopped, result.ttft.avg) == ("chat", True, pytest.approx(0.2))
    assert pairing.other is None


def test_a_load_generator_that_died_loses_nothing_that_was_measured_before(lab: Lab) -> None:
    lab.dies_at = 3
    pairing = lab.pairing()
    measured(pairing, polls=2)
    result = pairing.finish(stopped=True)
    pairing.close()
    assert (result.stopped, len(result.measurements)) == (True, 1)
