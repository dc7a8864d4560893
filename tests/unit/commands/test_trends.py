from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_npuperf.capacity import Exploration, measured_step
from pytest_npuperf.capacity.exploration import End
from pytest_npuperf.capacity.settings import Search
from pytest_npuperf.commands.trends import history_of
from pytest_npuperf.report.change import Figure
from pytest_npuperf.report.history import CaseHistory, CaseState, History
from pytest_npuperf.result import CaseResult
from pytest_npuperf.saved.figures import read_figures
from pytest_npuperf.slo import parse_budget
from pytest_npuperf.trace import Trace

Cases = Callable[..., CaseResult]
Reports = Callable[..., str]
SEARCH = Search("concurrency", ("tpot.p50 < 12 ms",), highest=8)


def history(*folders: str, **fields: Any) -> History:
    runs = [read_figures(Path(folder)) for folder in folders]
    return history_of(runs, [Figure("ttft", "p50")], None, **fields)


def change(folder: str, alter: Callable[[Any], object]) -> None:
    """Rewrite the summary of a report after ``alter`` was at its content."""
    path = Path(folder, "summary.json")
    content = json.loads(path.read_bytes())
    alter(content)
    path.write_text(json.dumps(content))


def only_case(*folders: str) -> CaseHistory:
    (case,) = history(*folders).cases
    return case


@pytest.fixture
def save_search(make_case: Cases, save_report: Reports) -> Callable[..., str]:
    """Writes the report of a search on some day, which found so many clients."""

    def save(
        day: int, found: float | None, reason: Any = "edge", *, search: Search | None = SEARCH, **fields: Any
    ) -> str:
        load = {"concurrency": found or 1.0, "think_time": 0.0}
        settings = {"name": "clients", "requests": 100, "load": load, **fields}
        result = make_case(name="clients", settings=settings)
        step = measured_step(
            found or 1.0, result.summary, kept=found is not None, ended_early="", client_bound=False
        )
        explored = Exploration(
            axis="concurrency", search=search, steps=(step, step), end=End(reason, found, None)
        )
        result = replace(result, exploration=explored)
        return save_report(f"day{day}", result, started=f"2026-03-{day:02}T08:00:00Z")

    return save


@pytest.mark.parametrize(
    ("budgets", "fields", "state"),
    [
        (["ttft.p50 < 1 s"], {}, CaseState("kept", "pass")),
        (["ttft.p50 < 1 ms"], {}, CaseState("broken", "fail", ("ttft.p50 < 1 ms",))),
        (
            ["ttft.p50 <= baseline + 5 %"],
            {},
            CaseState("no baseline", "open", ("ttft.p50 <= baseline + 5 %",)),
        ),
        ([], {}, CaseState("none", "open")),
        (["ttft.p50 < 1 s"], {"stopped": True}, CaseState("stopped", "open")),
        (["ttft.p50 < 1 ms"], {"aborted": "too many"}, CaseState("aborted", "fail", ("too many",))),
        ([], {"not_measured": "client-bound"}, CaseState("not measured", "fail", ("client-bound",))),
    ],
)
def test_the_state_of_a_case_is_the_gravest_of_what_was_measured(
    budgets: list[str],
    fields: dict[str, Any],
    state: CaseState,
    make_case: Cases,
    save_report: Reports,
) -> None:
    found = history(save_report("run", make_case(*budgets, **fields)))
    assert found.runs[0].states == (("chat", state),)
    assert found.cases[0].state == state


def test_a_case_whose_test_failed_is_not_kept(make_case: Cases, save_report: Reports) -> None:
    outcomes = {"npuperf.yaml::chat": "failed", "test_x.py::test_gone": "error"}
    failures = {"npuperf.yaml::chat": "assert 2 < 1", "test_x.py::test_gone": "no model"}
    folder = save_report("run", make_case("ttft.p50 < 1 s"), outcomes=outcomes, failures=failures)
    found = history(folder)
    assert found.cases[0].state == CaseState("failed", "fail", ("assert 2 < 1",))
    assert found.runs[0].states == (("chat", found.cases[0].state),)
    assert found.runs[0].unmeasured == (("test_x.py::test_gone", CaseState("error", "fail", ("no model",))),)
    change(folder, lambda run: [run.pop("unmeasured"), run["cases"][0].pop("outcome")])
    older = history(folder)
    assert (older.cases[0].state.word, older.runs[0].unmeasured) == ("kept", ()), "it does not tell"


def test_a_broken_budget_is_told_before_the_failure_that_it_is(
    make_case: Cases, save_report: Reports
) -> None:
    outcomes, failures = {"npuperf.yaml::chat": "failed"}, {"npuperf.yaml::chat": "1 of 1 budgets failed"}
    folder = save_report("run", make_case("ttft.p50 < 1 ms"), outcomes=outcomes, failures=failures)
    assert only_case(folder).state == CaseState("broken", "fail", ("ttft.p50 < 1 ms",))


@pytest.mark.parametrize("knows_consequences", [True, False])
@pytest.mark.parametrize(("expression", "look"), [("ttft.p50 < 1 ms", "open"), ("ttft.p50 < 1 s", "pass")])
def test_an_advisory_budget_is_never_red_and_no_part_of_the_state(
    expression: str, look: str, knows_consequences: bool, make_case: Cases, save_report: Reports
) -> None:
    result = make_case()
    budgets = [expression, "ttft.p50 <= baseline + 5 %"]
    result.judge(
        [
            parse_budget("failure_rate == 0"),
            *(replace(parse_budget(budget), advisory=True) for budget in budgets),
        ]
    )
    folder = save_report("run", result)
    if not knows_consequences:
        change(folder, lambda run: [entry.pop("consequence") for entry in run["cases"][0]["verdicts"]])
    case = only_case(folder)
    assert case.state == CaseState("kept", "pass")
    (trend,) = case.trends
    assert [(bound.look, bound.is_advisory) for bound in trend.bounds] == [(look, True)]
    assert not trend.points[0].breaks_budget
    told = () if look == "pass" else (f"fail, advisory: {expression}",)
    assert trend.points[0].notes == told


def test_an_open_verdict_that_fails_its_test_is_red(make_case: Cases, save_report: Reports) -> None:
    result = make_case("ttft.p50 <= baseline + 5 %")
    folder = save_report("run", result)
    change(folder, lambda run: run["cases"][0]["verdicts"][0].update(consequence="fail"))
    case = only_case(folder)
    assert (case.state.word, case.state.look) == ("no baseline", "fail")
    assert case.trends[0].points[0].breaks_budget


def test_runs_that_would_have_the_same_name_are_told_apart(make_case: Cases, save_report: Reports) -> None:
    times = ("08:00:07", "08:00:07", "08:00:45", "08:01:02")
    plain = [
        save_report(f"run{number}", make_case(), started=f"2026-03-01T{time}Z", environment={})
        for number, time in enumerate(times)
    ]
    commit = {"git": {"commit": "a" * 40, "dirty": False}}
    again = [
        save_report(f"commit{hour}", make_case(), started=f"2026-03-01T{hour}:00:00Z", environment=commit)
        for hour in (10, 11)
    ]
    runs = history(*plain, *again).runs
    assert [run.label for run in runs] == [
        *("03-01 08:00:07", "03-01 08:00:07 #2", "03-01 08:00:45", "03-01 08:01"),
        *("aaaaaaa", "aaaaaaa #2"),
    ]
    assert runs[2].date == "2026-03-01 08:00:45+00:00"
    assert runs[3].date == "2026-03-01 08:01+00:00"


def test_a_run_is_linked_as_it_lies_from_the_page(make_case: Cases, save_report: Reports, here: Path) -> None:
    folder = save_report("reports/a b#1", make_case())
    (here / folder / "report.html").write_text("")
    (run,) = history(folder, page_folder=here / "reports").runs
    assert run.link == "a%20b%231/report.html"
    (run,) = history(folder, page_folder=here / "pages").runs
    assert run.link == "../reports/a%20b%231/report.html"
    assert history(folder).runs[0].link == ""
    (here / folder / "report.html").unlink()
    assert history(folder, page_folder=here).runs[0].link == ""


def test_a_search_shows_the_capacity_it_found_first(save_search: Callable[..., str]) -> None:
    case = only_case(save_search(1, 2.0), save_search(2, 4.0))
    capacity, ttft = case.trends
    assert (capacity.figure.name, capacity.axis) == ("capacity", "concurrency")
    assert [(point.value, point.n) for point in capacity.points] == [(2.0, 200), (4.0, 200)]
    assert [point.changes for point in capacity.points] == [(), ()], "the load is what was searched for"
    assert ttft.points[1].changes == ("load.concurrency: 4.0 after 2.0",)
    assert case.notes == (
        "The figures are those at the load that the search confirmed, in the newest run concurrency 4.",
    )


def test_searches_for_something_else_are_not_joined(save_search: Callable[..., str]) -> None:
    other = Search("concurrency", ("tpot.p50 < 9 ms",), highest=8)
    case = only_case(
        save_search(1, 2.0), save_search(2, 2.0, requests=50), save_search(3, 2.0, search=other, requests=50)
    )
    assert [point.changes for point in case.trends[0].points] == [
        (),
        ("requests: 50 after 100",),
        ("searched with tpot.p50 < 9 ms after tpot.p50 < 12 ms",),
    ]


@pytest.mark.parametrize(
    ("found", "reason", "note"),
    [
        (8.0, "highest_kept", "even the largest load that was asked for keeps the budgets"),
        (None, "lowest_broken", "even the smallest load breaks a budget"),
        (4.0, "client_bound", "the client was the bottleneck of a larger load"),
        (None, "stopped", "interrupted"),
    ],
)
def test_a_search_that_came_to_no_edge_says_so(
    found: float | None, reason: str, note: str, save_search: Callable[..., str]
) -> None:
    point, _ = only_case(save_search(1, found, reason), save_search(2, 2.0)).trends[0].points
    assert (point.value, point.notes) == (found, (note,))


def test_searches_that_found_nothing_have_no_capacity_to_show(save_search: Callable[..., str]) -> None:
    case = only_case(save_search(1, None, "lowest_broken"))
    assert [trend.figure.name for trend in case.trends] == ["ttft.p50"]


def test_without_its_settings_nobody_knows_what_was_searched_with(
    save_search: Callable[..., str], here: Path
) -> None:
    folders = [save_search(1, 2.0), save_search(2, 4.0, requests=50)]
    (here / folders[0] / "configs" / "cases.json").unlink()
    capacity, ttft = only_case(*folders).trends
    assert [point.changes for point in capacity.points] == [(), ()]
    assert ttft.points[1].changes == ("concurrency 4 after concurrency 2",)


def test_a_sweep_says_of_which_load_its_figures_are(save_search: Callable[..., str]) -> None:
    case = only_case(save_search(1, None, "all_measured", search=None))
    assert [trend.figure.name for trend in case.trends] == ["ttft.p50"]
    assert case.notes == ("The figures are those at the sweep's last load, in the newest run concurrency 1.",)


def test_a_point_breaks_a_budget_on_its_own_figure_only(
    make_case: Cases, make_load: Callable[..., Trace], save_report: Reports
) -> None:
    folders = [
        save_report(budget[:8], make_case(budget, trace=make_load()), started=f"2026-03-0{day}T08:00:00Z")
        for day, budget in enumerate(("ttft.p50 < 1 ms", "ttft.p90 < 1 ms", "ttft.median < 1 ms"), start=1)
    ]
    points = only_case(*folders).trends[0].points
    assert [point.breaks_budget for point in points] == [True, False, True]
