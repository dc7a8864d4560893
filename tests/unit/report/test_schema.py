"""summary.json and its schema in docs/ say the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pytest_npuperf.capacity import End, Exploration, Search, Step
from pytest_npuperf.metrics import summarize
from pytest_npuperf.report import write_report
from pytest_npuperf.result import CaseResult, RunRecord
from pytest_npuperf.slo import Verdict, parse_budget
from pytest_npuperf.slo.budget import Relative
from pytest_npuperf.trace import Trace

DOCS = Path(__file__).parents[3] / "docs"
SCHEMA = json.loads((DOCS / "summary.schema.json").read_text())

Results = Callable[..., CaseResult]
Written = Callable[..., Any]


@pytest.fixture
def written(tmp_path: Path, make_record: Callable[..., RunRecord]) -> Written:
    """What stands in the summary.json of a run with the given results."""

    def write(*results: CaseResult, **fields: Any) -> Any:
        write_report(tmp_path, make_record(*results, **fields))
        return json.loads((tmp_path / "summary.json").read_bytes())

    return write


def _faults(summary: Any) -> list[str]:
    return [
        f"{fault.json_path}: {fault.message}" for fault in Draft202012Validator(SCHEMA).iter_errors(summary)
    ]


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_a_run_without_cases_is_valid(written: Written) -> None:
    assert _faults(written(stopped=True)) == []


def test_a_case_with_a_broken_budget_is_valid(
    written: Written, make_result: Results, two_good_one_failed: Trace
) -> None:
    result = make_result("chat", two_good_one_failed, "ttft.p99 < 1 ms", "steady.ttft.p99 < 1 ms")
    assert _faults(written(result, make_result("chat"))) == []


def test_a_case_with_everything_is_valid(
    written: Written, make_result: Results, two_good_one_failed: Trace
) -> None:
    budget = parse_budget("ttft.p99 < 1 ms")
    verdicts = [
        Verdict(budget=budget, measured=inf, n=3, outcome="fail", low=0.1, high=inf, of_successes=0.1),
        Verdict(
            budget=replace(budget, relative=Relative(0.1), advisory=True),
            measured=0.6,
            n=3,
            outcome="inconclusive",
            needed_n=299,
            close=True,
            baseline=0.5,
            bound=0.55,
        ),
    ]
    step = Step(
        load=4.0,
        kept=None,
        ended_early="saturated",
        client_bound=False,
        requests=3,
        failed_requests=0,
        ttft_p50=0.1,
        ttft_p99=None,
        tpot_p50=None,
        tpot_p99=None,
        e2el_p99=None,
        output_token_throughput=None,
        request_throughput=None,
    )
    result = make_result(
        verdicts=verdicts,
        stages=tuple(
            summarize(two_good_one_failed, max_concurrency=2, stage=stage) for stage in ("steady", "turn 12")
        ),
        warmup_window=(-1.0, 0.4),
        steady_window=(0.5, 1.5),
        exploration=Exploration(
            axis="rate", search=Search("rate", (budget,)), steps=(step,), end=End("edge", 4.0, 5.0)
        ),
        prompts_hash="3fa1",
        confirmations=1,
    )
    assert _faults(written(result)) == []


def test_what_failed_before_the_load_is_valid(written: Written, make_result: Results) -> None:
    outcomes = {"npuperf.yaml::chat": "failed", "npuperf.yaml::late": "error"}
    failures = dict.fromkeys(outcomes, "why")
    assert _faults(written(make_result("chat"), outcomes=outcomes, failures=failures)) == []


def test_a_case_without_requests_is_valid(
    written: Written, make_result: Results, build_trace: Callable[..., Trace]
) -> None:
    assert _faults(written(make_result("chat", build_trace()))) == []


@pytest.mark.parametrize("path", ["", "cases/0", "cases/0/verdicts/0", "cases/0/stages/total/ttft"])
def test_a_key_too_many_and_one_too_few_are_faults(
    written: Written, make_result: Results, two_good_one_failed: Trace, path: str
) -> None:
    summary = written(make_result("chat", two_good_one_failed, "ttft.p99 < 1 ms"))
    place = summary
    for key in filter(None, path.split("/")):
        place = place[int(key) if key.isdigit() else key]
    place["undocumented"] = place.pop(next(iter(place)))
    assert len(_faults(summary)) == 2


def test_every_key_is_told_of_in_the_documentation() -> None:
    page = (DOCS / "report.md").read_text()
    assert [key for key in _keys(SCHEMA) if f"`{key}`" not in page] == []


def _keys(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for part in schema.values():
            yield from _keys(part)
