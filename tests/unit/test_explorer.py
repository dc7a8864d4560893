"""Searches and sweeps over runs that are made up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pytest_npuperf.capacity import End, Search, Sweep
from pytest_npuperf.case import Case
from pytest_npuperf.errors import CaseError, LoadError
from pytest_npuperf.explorer import Explorer
from pytest_npuperf.load.plan import ClosedLoop, OpenLoop, Poisson, Ramp, Replay
from pytest_npuperf.load.run import Progress
from pytest_npuperf.metrics import ClientHealth, summarize
from pytest_npuperf.result import CaseResult
from pytest_npuperf.slo import parse_budget
from pytest_npuperf.trace import Trace
from pytest_npuperf.workload import Synthetic

BUDGETS = (parse_budget("ttft.p99 < 500 ms"),)
SEARCH = Search("concurrency", BUDGETS, 1, 64)
RATES = Search("rate", BUDGETS, 1, 64)
# an average is of the successful requests: a failed one breaks no more than a budget on failures
AVERAGE = (parse_budget("ttft.avg < 500 ms"),)

Ttft = Callable[[float], float]


def case(**fields: Any) -> Case:
    return Case(name="capacity", dataset=Synthetic(input_tokens=8, output_tokens=8), seed=1, **fields)


def load_of(step: Case) -> float:
    load: Any = step.load
    return float(getattr(load, "rate", None) or load.concurrency)


class FakeRun:
    """Over at the second poll; its queue grows where the load is above ``bears`` requests a second."""

    def __init__(self, lab: Lab, step: Case) -> None:
        self.lab, self.step = lab, step
        self.polls = 0
        self.closed = False

    def poll(self) -> bool:
        self.polls += 1
        if self.lab.dies_at == load_of(self.step):
            raise LoadError("the load generator ended with exit code 1")
        return self.polls >= (200 if self.queue_grows else 2)

    @property
    def queue_grows(self) -> bool:
        return load_of(self.step) > self.lab.bears

    def progress(self) -> Progress:
        elapsed = float(self.polls)
        ended = int(elapsed * min(load_of(self.step), self.lab.bears))
        sent = int(elapsed * load_of(self.step))
        return Progress(
            requests=None,
            sent=sent,
            done=ended,
            failed=0,
            failed_in_a_row=0,
            refused_in_a_row=0,
            in_flight=sent - ended,
            elapsed=elapsed,
            ttft=None,
            output_token_throughput=None,
            time_left=None,
        )

    def finish(self, *, stopped: bool = False) -> CaseResult:
        if self.lab.dies_at == load_of(self.step):
            raise LoadError("the decoder ended with exit code 1")
        return self.lab.result(self.step, stopped=stopped)

    def close(self) -> None:
        self.closed = True


class Lab:
    """Starts runs whose TTFT (ms) follows from the load, and remembers them."""

    def __init__(self, build_trace: Callable[..., Trace], healthy: ClientHealth) -> None:
        self.build_trace = build_trace
        self.healthy = healthy
        self.runs: list[FakeRun] = []
        self.notes: list[str] = []
        self.ttft: Ttft = lambda load: 40 * load
        self.bears = 1e9
        self.bound_from = 1e9
        self.fails_from = 1e9
        self.aborted_from = 1e9
        self.dies_at: float | None = None

    def start(self, step: Case) -> Any:
        self.runs.append(FakeRun(self, step))
        return self.runs[-1]

    def result(self, step: Case, *, stopped: bool) -> CaseResult:
        load = load_of(step)
        first = self.ttft(load)
        request: dict[str, Any] = {"sent": 0, "chunks": [first, first + 10], "end": first + 10}
        requests = [request, {**request, "error": "http_status"}] if load >= self.fails_from else [request]
        trace = self.build_trace(*requests)
        bound = load >= self.bound_from
        return CaseResult(
            name=step.name,
            nodeid="npuperf.yaml::capacity",
            settings=step.described(),
            started="2026-03-26T20:22:04+08:00",
            stopped=stopped,
            trace=trace,
            summary=summarize(trace, max_concurrency=None),
            health=replace(self.healthy, state="invalid") if bound else self.healthy,
            not_measured="not measured: client-bound" if bound else "",
            aborted="the server is gone" if load >= self.aborted_from else "",
        )

    def explore(self, explored: Case) -> CaseResult:
        explorer = Explorer(explored, self.start, self.notes.append)
        while not explorer.poll():
            assert sum(not run.closed for run in self.runs) == 1
        result = explorer.finish()
        explorer.close()
        assert all(run.closed for run in self.runs)
        return result

    @property
    def loads(self) -> list[float]:
        return [load_of(run.step) for run in self.runs]


@pytest.fixture
def lab(build_trace: Callable[..., Trace], healthy: ClientHealth) -> Lab:
    return Lab(build_trace, healthy)


def outcomes(result: CaseResult) -> dict[str, str]:
    return {verdict.budget.expression: verdict.outcome for verdict in result.judge_implied()}


def test_a_search_finds_the_largest_load_that_keeps_the_budgets(lab: Lab) -> None:
    result = lab.explore(case(search=SEARCH))
    assert result.exploration is not None
    assert result.exploration.end == End("edge", found=12, neighbour=13)
    assert [(step.load, step.kept) for step in result.exploration.steps] == [
        (load, load <= 12) for load in lab.loads
    ]


def test_the_result_is_the_measurement_that_confirmed_the_found_load(lab: Lab) -> None:
    result = lab.explore(case(search=SEARCH))
    assert result.name == "capacity"
    assert result.ttft.p99 == pytest.approx(0.48)
    assert result.settings["load"]["concurrency"] == 12
    assert result.settings["search"]["highest"] == 64
    assert not result.stopped
    assert outcomes(result) == {
        "capacity >= 1": "pass",
        "ttft.p99 < 500 ms": "pass",
        "failed_requests == 0": "pass",
    }


def test_every_step_is_a_case_at_one_load_with_a_name_of_its_own(lab: Lab) -> None:
    lab.explore(case(search=SEARCH, requests=20, load=ClosedLoop(5, think_time=0.5)))
    steps = [run.step for run in lab.runs]
    assert len({step.name for step in steps}) == len(steps) > len(set(lab.loads))
    assert steps[0].name == "capacity#1[concurrency=1]"
    assert all(step.search is None and step.sweep is None for step in steps)
    assert steps[0].load == ClosedLoop(1, think_time=0.5)


def test_each_client_has_at_least_two_requests_to_send(lab: Lab) -> None:
    lab.explore(case(search=SEARCH, requests=20))
    assert {(load_of(run.step), run.step.requests) for run in lab.runs} >= {(8, 20), (16, 32)}


def test_a_rate_goes_on_for_half_a_minute_where_the_case_sets_no_duration(lab: Lab) -> None:
    lab.explore(case(sweep=Sweep("rate", (0.5, 8)), requests=20))
    assert [run.step.requests for run in lab.runs] == [20, 240]


def test_a_duration_bounds_the_steps_as_it_bounds_the_case(lab: Lab) -> None:
    lab.explore(case(sweep=Sweep("rate", (1, 8)), requests=None, duration=5.0))
    assert {(run.step.requests, run.step.duration) for run in lab.runs} == {(None, 5.0)}


def test_where_not_even_the_lowest_load_keeps_the_budgets_the_case_fails(lab: Lab) -> None:
    lab.ttft = lambda _: 600
    result = lab.explore(case(search=SEARCH))
    assert result.exploration is not None
    assert result.exploration.end == End("lowest_broken")
    assert result.ttft.p99 == pytest.approx(0.6)
    assert outcomes(result) == {
        "capacity >= 1": "fail",
        "ttft.p99 < 500 ms": "fail",
        "failed_requests == 0": "pass",
    }


def test_nothing_found_fails_whatever_other_budgets_say(lab: Lab) -> None:
    lab.fails_from = 1
    result = lab.explore(case(search=replace(SEARCH, budgets=AVERAGE)))
    result.judge([parse_budget("failure_rate <= 100 %")])
    assert outcomes(result) == {"capacity >= 1": "fail", "ttft.avg < 500 ms": "pass"}


def test_failed_requests_break_a_step_unless_a_budget_speaks_of_them(lab: Lab) -> None:
    lab.fails_from = 5
    found = lab.explore(case(search=replace(SEARCH, budgets=AVERAGE))).exploration
    assert found is not None
    assert found.end.found == 4
    told = replace(SEARCH, budgets=(*AVERAGE, parse_budget("failure_rate <= 50 %")))
    found = lab.explore(case(search=told)).exploration
    assert found is not None
    assert found.end.found == 12


def test_a_client_that_is_the_bottleneck_ends_the_search_with_what_was_found_before(lab: Lab) -> None:
    lab.bound_from = 8
    result = lab.explore(case(search=SEARCH))
    assert result.exploration is not None
    assert result.exploration.end == End("client_bound", found=4)
    assert [(step.load, step.kept, step.client_bound) for step in result.exploration.steps][3:] == [
        (8, None, True),
        (8, None, True),
        (4, True, False),
    ]
    assert not result.not_measured


def test_a_client_that_is_the_bottleneck_at_once_leaves_a_case_that_is_not_measured(lab: Lab) -> None:
    lab.bound_from = 1
    result = lab.explore(case(search=SEARCH))
    assert result.not_measured
    assert outcomes(result)["capacity >= 1"] == "fail"


def test_a_search_over_rates_ends_a_step_whose_queue_grows_without_end(lab: Lab) -> None:
    lab.ttft, lab.bears = lambda _: 100, 10
    result = lab.explore(case(search=RATES))
    assert result.exploration is not None
    found = result.exploration.end.found
    assert found is not None
    # a tenth more than the server bears takes too long to tell: that is left to the budgets
    assert 10 <= found <= 11.2
    saturated = [step for step in result.exploration.steps if step.ended_early]
    assert saturated
    assert all(step.kept is False and step.load > 10 for step in saturated)
    assert all(run.polls < 200 for run in lab.runs if load_of(run.step) >= 16)


def test_a_sweep_measures_all_values_and_gives_the_last(lab: Lab) -> None:
    result = lab.explore(case(sweep=Sweep("concurrency", (1, 2, 16)), slo=BUDGETS))
    assert result.exploration is not None
    assert [(step.load, step.kept) for step in result.exploration.steps] == [
        (1, True),
        (2, True),
        (16, False),
    ]
    assert result.exploration.end == End("all_measured")
    assert result.ttft.p99 == pytest.approx(0.64)


def test_a_sweep_without_budgets_judges_nothing(lab: Lab) -> None:
    result = lab.explore(case(sweep=Sweep("concurrency", (1, 2))))
    assert result.exploration is not None
    assert [step.kept for step in result.exploration.steps] == [None, None]
    assert outcomes(result) == {"failed_requests == 0": "pass"}


def test_a_sweep_ends_where_the_queue_grows_without_end(lab: Lab) -> None:
    lab.bears = 10
    result = lab.explore(case(sweep=Sweep("rate", (5, 20, 40))))
    assert result.exploration is not None
    assert result.exploration.end == End("saturated")
    assert lab.loads == [5, 20]
    assert result.stopped


def test_a_load_that_was_aborted_is_not_borne(lab: Lab) -> None:
    lab.aborted_from = 5
    exploration = lab.explore(case(search=SEARCH)).exploration
    assert exploration is not None
    assert exploration.end == End("edge", found=4, neighbour=5)
    assert {(step.kept, step.ended_early) for step in exploration.steps if step.load > 4} == {
        (False, "aborted")
    }


def test_an_interrupted_search_has_the_step_that_was_interrupted_and_is_not_judged(lab: Lab) -> None:
    explorer = Explorer(case(search=SEARCH), lab.start, lab.notes.append)
    for _ in range(3):
        explorer.poll()
    result = explorer.finish(stopped=True)
    explorer.close()
    assert result.stopped
    assert result.exploration is not None
    assert [(s.load, s.kept, s.ended_early) for s in result.exploration.steps] == [
        (1, True, ""),
        (2, None, "stopped"),
    ]
    assert result.exploration.end == End("stopped")
    assert outcomes(result) == {"failed_requests == 0": "pass"}
    assert all(run.closed for run in lab.runs)


def test_a_load_generator_that_dies_leaves_the_steps_before_it(lab: Lab) -> None:
    lab.dies_at = 4
    explorer = Explorer(case(search=SEARCH), lab.start, lab.notes.append)
    polls = iter(explorer.poll, True)
    with pytest.raises(LoadError, match="load generator"):
        list(polls)
    exploration = explorer.finish(stopped=True).exploration
    explorer.close()
    assert exploration is not None
    assert [step.load for step in exploration.steps] == [1, 2]
    assert all(run.closed for run in lab.runs)


def test_a_load_generator_that_dies_at_once_leaves_nothing(lab: Lab) -> None:
    lab.dies_at = 1
    explorer = Explorer(case(search=SEARCH), lab.start, lab.notes.append)
    with pytest.raises(LoadError, match="decoder"):
        explorer.finish(stopped=True)


def test_progress_is_that_of_the_present_step(lab: Lab) -> None:
    explorer = Explorer(case(sweep=Sweep("rate", (3,))), lab.start, lab.notes.append)
    explorer.poll()
    assert explorer.progress().sent == 3


def test_the_log_tells_each_step_and_the_end(lab: Lab) -> None:
    lab.explore(case(sweep=Sweep("concurrency", (1, 16)), slo=BUDGETS))
    assert lab.notes == [
        "capacity: concurrency 1: budgets kept",
        "capacity: concurrency 16: budgets broken",
        "capacity: all_measured",
    ]


@pytest.mark.parametrize("axis", ["concurrency", "rate"])
def test_the_load_of_the_case_is_varied_on_its_axis(lab: Lab, axis: Any) -> None:
    loop: Any = {"concurrency": ClosedLoop(9, think_time=1.0), "rate": OpenLoop(9.0, Poisson(), 50)}[axis]
    lab.explore(case(sweep=Sweep(axis, (2,)), load=loop))
    assert lab.runs[0].step.load == replace(loop, **{axis: 2})


def test_a_case_without_a_load_gets_an_open_loop_for_rates(lab: Lab) -> None:
    lab.explore(case(sweep=Sweep("rate", (2,))))
    assert lab.runs[0].step.load == OpenLoop(2.0)


@pytest.mark.parametrize(
    ("axis", "load"),
    [
        ("concurrency", OpenLoop(3.0)),
        ("concurrency", Replay()),
        ("rate", ClosedLoop(2)),
        ("rate", Replay()),
    ],
)
def test_a_load_that_has_no_such_axis_is_an_error(lab: Lab, axis: Any, load: Any) -> None:
    needed = {"concurrency": "a closed loop", "rate": "an open loop"}[axis]
    with pytest.raises(CaseError, match=f"^capacity: a search or sweep over {axis} needs {needed}") as caught:
        Explorer(case(sweep=Sweep(axis, (1,)), load=load), lab.start, lab.notes.append)
    assert str(load) in str(caught.value)
    assert str(caught.value).endswith("change one of them, or leave out the load")


def test_a_search_and_a_sweep_at_once_are_an_error(lab: Lab) -> None:
    with pytest.raises(CaseError, match=r"^capacity: has a search and a sweep: give one of them$"):
        Explorer(case(search=SEARCH, sweep=Sweep("rate", (1,))), lab.start, lab.notes.append)


def test_ramps_are_replaced_by_the_rate_of_the_step(lab: Lab) -> None:
    lab.explore(case(sweep=Sweep("rate", (2,)), load=OpenLoop(Ramp(1, 10, 60.0))))
    assert lab.runs[0].step.load == OpenLoop(2.0)
