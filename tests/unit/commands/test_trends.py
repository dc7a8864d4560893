from __future__ import annotations

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
from pytest_npuperf.trace import Trace

Cases = Callable[..., CaseResult]
Reports = Callable[..., str]
SEARCH = Search("concurrency", ("tpot.p50 < 12 ms",), highest=8)


def history(*folders: str, **fields: Any) -> History:
    runs = [read_figures(Path(folder)) for folder in folders]
    return history_of(runs, [Figure("ttft", "p50")], None, **fields)


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
