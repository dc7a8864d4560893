"""Loads that are measured again, over runs that are made up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from pytest_npuperf.case import Case
from pytest_npuperf.confirming import Confirming, pooled_result
from pytest_npuperf.errors import LoadError
from pytest_npuperf.load.plan import ClosedLoop
from pytest_npuperf.load.run import Progress
from pytest_npuperf.metrics import (
    ClientHealth,
    Sample,
    Steady,
    Summary,
    steady_stage,
    summarize,
    summarize_steady,
    turn_stages,
)
from pytest_npuperf.result import CaseResult
from pytest_npuperf.slo import parse_budget
from pytest_npuperf.trace import Trace
from pytest_npuperf.workload import Synthetic

CASE = Case(
    name="chat",
    dataset=Synthetic(input_tokens=8, output_tokens=8),
    load=ClosedLoop(2),
    requests=40,
    seed=1,
)


class FakeRun:
    """Over at the second poll."""

    def __init__(self, lab: Lab, case: Case) -> None:
        self.lab, self.case = lab, case
        self.polls = 0
        self.closed = False

    def poll(self) -> bool:
        self.polls += 1
        if self.number in self.lab.dying:
            raise LoadError("the load generator ended with exit code 1")
        return self.polls >= 2

    @property
    def number(self) -> int:
        return self.lab.runs.index(self) + 1

    def progress(self) -> Progress:
        return self.lab.make_progress(sent=self.number)

    def finish(self, *, stopped: bool = False) -> CaseResult:
        if self.number in self.lab.dying:
            raise LoadError("the decoder ended with exit code 1")
        return self.lab.result(self.case, self.number, stopped=stopped)

    def close(self) -> None:
        self.closed = True


class Lab:
    """Starts runs and remembers them; ``flaws`` has what differs in the result of each, by its number."""

    def __init__(
        self,
        build_trace: Callable[..., Trace],
        healthy: ClientHealth,
        make_progress: Callable[..., Progress],
    ) -> None:
        self.build_trace = build_trace
        self.healthy = healthy
        self.make_progress = make_progress
        self.runs: list[FakeRun] = []
        self.notes: list[str] = []
        self.asked: list[CaseResult] = []
        self.flaws: dict[int, dict[str, Any]] = {}
        self.dying: set[int] = set()
        self.settled_after = 1_000

    def start(self, case: Case) -> Any:
        self.runs.append(FakeRun(self, case))
        return self.runs[-1]

    def is_unsettled(self, result: CaseResult) -> bool:
        assert all(run.closed for run in self.runs), "no load runs while it is judged"
        self.asked.append(result)
        return len(self.asked) < self.settled_after

    @property
    def bound(self) -> ClientHealth:
        return replace(self.healthy, state="invalid", reasons=("97 % of a processor",))

    def result(self, case: Case, number: int, *, stopped: bool = False, rounds: int = 20) -> CaseResult:
        """Two clients with answers that take 100 ms in the first measurement, 200 ms in the second."""
        length = 100.0 * number
        trace = self.build_trace(
            *(
                {
                    "sent": 5000 * number + 10 * client + length * turn,
                    "chunks": [5000 * number + 10 * client + length * (turn + 1)],
                    "end": 5000 * number + 10 * client + length * (turn + 1),
                    "output_tokens": 10,
                    "turn": turn % 2,
                }
                for turn in range(rounds)
                for client in range(2)
            )
        )
        steady = steady_stage(trace, max_concurrency=2, open_loop=False)
        stages = turn_stages(trace, max_concurrency=2)
        if isinstance(steady, Steady):
            stages = (summarize_steady(trace, steady, max_concurrency=2), *stages)
        result = CaseResult(
            name=case.name,
            nodeid="npuperf.yaml::chat",
            settings=case.described(),
            started=f"2026-03-26T20:22:0{number}+08:00",
            stopped=stopped,
            trace=trace,
            summary=summarize(trace, max_concurrency=2),
            health=self.healthy,
            stages=stages,
            warmup_window=(-0.1 * number, 0.1),
            steady_window=steady.window if isinstance(steady, Steady) else None,
            steady_rows=steady.rows if isinstance(steady, Steady) else None,
            no_steady="" if isinstance(steady, Steady) else steady.reason,
            cache_expected=False,
            prompts_hash=f"{number:016x}",
        )
        return replace(result, **self.flaws.get(number, {}))

    def confirming(self, confirmations: int = 1) -> Confirming:
        return Confirming(
            CASE,
            self.start,
            confirmations=confirmations,
            is_unsettled=self.is_unsettled,
            note=self.notes.append,
        )

    def measure(self, confirmations: int = 1) -> CaseResult:
        confirming = self.confirming(confirmations)
        while not confirming.poll():
            assert sum(not run.closed for run in self.runs) == 1
        assert confirming.poll()
        result = confirming.finish()
        confirming.close()
        assert all(run.closed for run in self.runs)
        return result


@pytest.fixture
def lab(
    build_trace: Callable[..., Trace], healthy: ClientHealth, make_progress: Callable[..., Progress]
) -> Lab:
    return Lab(build_trace, healthy, make_progress)


def test_what_is_settled_is_measured_once(lab: Lab) -> None:
    lab.settled_after = 1
    result = lab.measure()
    assert [run.case for run in lab.runs] == [CASE]
    assert (result.name, len(result.trace), result.confirmations) == ("chat", 40, 0)
    assert result.measurements == ()
    assert lab.notes == []


def test_what_is_unsettled_is_measured_again_with_other_prompts(lab: Lab) -> None:
    result = lab.measure()
    first, second = (run.case for run in lab.runs)
    assert (first, second.name) == (CASE, "chat#2")
    assert [name for name in CASE.__struct_fields__ if getattr(first, name) != getattr(second, name)] == [
        "name"
    ]
    assert (result.name, len(result.trace), result.confirmations) == ("chat", 80, 1)
    assert lab.notes == [
        "chat: too close to tell, so it is measured again with other prompts (1 of 1)",
        "chat: 2 measurements, 80 requests",
    ]


def test_each_look_is_at_all_that_was_measured_until_then(lab: Lab) -> None:
    result = lab.measure(confirmations=3)
    assert [run.case.name for run in lab.runs] == ["chat", "chat#2", "chat#3", "chat#4"]
    assert [len(asked.trace) for asked in lab.asked] == [40, 80, 120]
    assert [len(asked.evidence.stages["total"].runs) for asked in lab.asked] == [1, 2, 3]
    assert {asked.name for asked in lab.asked} == {"chat"}
    assert result.confirmations == 3


def test_it_ends_as_soon_as_it_is_settled(lab: Lab) -> None:
    lab.settled_after = 2
    assert lab.measure(confirmations=3).confirmations == 1


@pytest.mark.parametrize("flaw", ["stopped", "aborted", "client-bound"])
def test_what_was_not_measured_well_is_not_measured_again(lab: Lab, flaw: str) -> None:
    flaws: dict[str, dict[str, Any]] = {
        "stopped": {"stopped": True},
        "aborted": {"aborted": "the server is gone"},
        "client-bound": {"health": lab.bound, "not_measured": "not measured: client-bound"},
    }
    lab.flaws[1] = flaws[flaw]
    result = lab.measure()
    assert len(lab.runs) == 1
    assert lab.asked == []
    assert (result.stopped, result.aborted, result.not_measured) == (
        flaw == "stopped",
        "the server is gone" if flaw == "aborted" else "",
        "not measured: client-bound" if flaw == "client-bound" else "",
    )


def test_a_client_that_cannot_keep_up_the_second_time_leaves_the_first_alone(lab: Lab) -> None:
    lab.flaws[2] = {"health": lab.bound, "not_measured": "not measured: client-bound"}
    result = lab.measure()
    assert (result.name, len(result.trace), result.confirmations) == ("chat", 40, 0)
    assert (result.health, result.not_measured) == (lab.healthy, "")
    assert lab.notes[-1] == (
        "chat: what was measured again is left out: the client was the bottleneck: 97 % of a processor"
    )


def test_a_measurement_that_is_left_out_is_one_of_those_that_are_allowed(lab: Lab) -> None:
    lab.flaws[2] = {"health": lab.bound}
    result = lab.measure(confirmations=2)
    assert [measurement.name for measurement in result.measurements] == ["chat", "chat#3"]
    assert len(lab.runs) == 3


def test_a_load_that_is_given_up_the_second_time_aborts_the_case_with_the_first_one_s_figures(
    lab: Lab,
) -> None:
    lab.flaws[2] = {"aborted": "the server is gone"}
    result = lab.measure(confirmations=2)
    assert len(lab.runs) == 2
    assert (len(result.trace), result.confirmations) == (40, 0)
    assert result.aborted == "when it was measured again: the server is gone"
    assert lab.notes[-1] == ("chat: what was measured again is left out: it was aborted: the server is gone")


def test_an_interrupted_first_measurement_is_the_result(lab: Lab) -> None:
    confirming = lab.confirming()
    confirming.poll()
    result = confirming.finish(stopped=True)
    assert (result.stopped, len(result.trace), lab.asked) == (True, 40, [])
    assert lab.runs[0].closed


def test_an_interrupted_second_measurement_leaves_the_first_and_the_case_is_stopped(lab: Lab) -> None:
    confirming = lab.confirming()
    for _ in range(3):
        confirming.poll()
    assert confirming.progress().sent == 2
    result = confirming.finish(stopped=True)
    confirming.close()
    assert (result.stopped, len(result.trace), result.measurements) == (True, 40, ())
    assert lab.notes[-1] == "chat: what was measured again is left out: it was stopped before its end"
    assert all(run.closed for run in lab.runs)


def test_a_load_generator_that_dies_leaves_what_was_measured_before(lab: Lab) -> None:
    lab.dying = {2}
    confirming = lab.confirming()
    with pytest.raises(LoadError, match="load generator"):
        list(iter(confirming.poll, True))
    result = confirming.finish(stopped=True)
    confirming.close()
    assert (result.stopped, len(result.trace)) == (True, 40)
    assert all(run.closed for run in lab.runs)


def test_a_load_generator_that_dies_at_once_leaves_nothing(lab: Lab) -> None:
    lab.dying = {1}
    confirming = lab.confirming()
    with pytest.raises(LoadError, match="decoder"):
        confirming.finish(stopped=True)
    confirming.close()
    assert lab.runs[0].closed


@pytest.fixture
def measured(lab: Lab) -> tuple[CaseResult, CaseResult]:
    return lab.result(CASE, 1), lab.result(CASE, 2)


def test_a_pooled_result_is_that_of_the_first_with_the_figures_of_all(
    measured: tuple[CaseResult, CaseResult],
) -> None:
    first, second = measured
    pooled = pooled_result(measured)
    assert pooled.measurements == measured
    assert [
        field.name
        for field in fields(CaseResult)
        if field.name != "trace" and getattr(pooled, field.name) is getattr(first, field.name)
    ] == [
        *("name", "nodeid", "settings", "started", "stopped", "warmup_window", "steady_window", "no_steady"),
        *("cache_expected", "not_measured", "aborted", "sent", "asked_models", "listed_models"),
        *("exploration", "location", "in_pairs", "judging"),
    ]
    assert pooled.summary.benchmark_duration == pytest.approx(2.01 + 4.01)
    assert pooled.summary.output_token_throughput == pytest.approx(800 / 6.02)
    assert (pooled.summary.max_concurrency, pooled.e2el.n) == (2, 80)
    assert pooled.health == first.health
    assert second.prompts_hash not in (first.prompts_hash, pooled.prompts_hash)


def test_every_stage_is_pooled_and_judged(measured: tuple[CaseResult, CaseResult]) -> None:
    pooled = pooled_result(measured)
    assert [stage.stage for stage in pooled.stages] == ["steady", "turn 1", "turn 2"]
    assert pooled.steady_window == measured[0].steady_window
    assert pooled.steady_rows is not None
    steady = pooled.evidence.stages["steady"]
    assert [len(run.samples["e2el"]) for run in (steady.pooled, *steady.runs)] == [76, 38, 38]
    np.testing.assert_allclose(
        pooled.trace.select(pooled.steady_rows).t_end - pooled.trace.select(pooled.steady_rows).t_sent,
        [100e6] * 38 + [200e6] * 38,
    )
    by_budget = {
        verdict.budget.expression: verdict.measured
        for verdict in pooled.judge(
            [
                parse_budget("steady.benchmark_duration < 1 min"),
                parse_budget("turn 2.total_requests == 40"),
                parse_budget("steady.request_throughput >= 1 req/s"),
            ]
        )
    }
    assert by_budget == pytest.approx(
        {
            "steady.benchmark_duration < 1 min": 1.99 + 3.99,
            "turn 2.total_requests == 40": 40,
            "steady.request_throughput >= 1 req/s": (20 * 1.99 + 10 * 3.99) / 5.98,
        }
    )


def test_verdicts_of_a_measurement_are_none_of_the_pooled_result(
    measured: tuple[CaseResult, CaseResult],
) -> None:
    measured[0].judge([parse_budget("e2el.p99 < 1 s")])
    pooled = pooled_result(measured)
    pooled.judge([parse_budget("e2el.avg < 1 s")])
    assert [verdict.budget.expression for verdict in pooled.verdicts] == ["e2el.avg < 1 s"]
    assert [verdict.budget.expression for verdict in measured[0].verdicts] == ["e2el.p99 < 1 s"]


def test_where_one_measurement_has_no_steady_stage_there_is_none(lab: Lab) -> None:
    pooled = pooled_result([lab.result(CASE, 1), lab.result(CASE, 2, rounds=4)])
    assert (pooled.steady_window, pooled.steady_rows) == (None, None)
    assert [stage.stage for stage in pooled.stages] == ["turn 1", "turn 2"]
    assert pooled.no_steady.startswith("measurement 2 of 2: 6 successful requests lie within ")
    assert "steady" not in pooled.evidence.stages


@pytest.mark.parametrize("broken", [0, 1])
def test_what_is_wrong_with_one_measurement_is_wrong_with_all(lab: Lab, broken: int) -> None:
    flaws: dict[str, Any] = {
        "stopped": True,
        "aborted": "the server is gone",
        "not_measured": "not measured: client-bound",
        "health": lab.bound,
    }
    lab.flaws[broken + 1] = flaws
    pooled = pooled_result([lab.result(CASE, 1), lab.result(CASE, 2)])
    assert {name: getattr(pooled, name) for name in flaws} == flaws | {
        "health": replace(lab.healthy, state="invalid", reasons=("97 % of a processor",))
    }


def test_the_hash_is_of_all_that_was_sent_in_its_order(lab: Lab) -> None:
    first, second = lab.result(CASE, 1), lab.result(CASE, 2)
    assert pooled_result([first, second]).prompts_hash == pooled_result([first, second]).prompts_hash
    assert pooled_result([first, second]).prompts_hash != pooled_result([second, first]).prompts_hash
    assert len(pooled_result([first, second]).prompts_hash) == len(first.prompts_hash)
    assert pooled_result([first, replace(second, prompts_hash="")]).prompts_hash == ""


def figures(stage: Summary) -> dict[str, Any]:
    found = {field.name: getattr(stage, field.name) for field in fields(stage)}
    samples = {name: value.values.tolist() for name, value in found.items() if isinstance(value, Sample)}
    rounded = {name: round(value, 9) for name, value in found.items() if isinstance(value, float)}
    return found | samples | rounded


def test_one_measurement_pooled_has_its_own_figures(lab: Lab) -> None:
    result = lab.result(CASE, 1)
    pooled = pooled_result([result])
    assert (pooled.measurements, pooled.confirmations) == ((result,), 0)
    assert pooled.prompts_hash == result.prompts_hash
    assert [figures(stage) for stage in pooled.summaries] == [figures(stage) for stage in result.summaries]


def test_why_one_measurement_has_no_steady_stage_is_told_in_its_own_words(lab: Lab) -> None:
    result = lab.result(CASE, 1, rounds=4)
    assert pooled_result([result]).no_steady == result.no_steady != ""
