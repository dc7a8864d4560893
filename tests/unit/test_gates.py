from __future__ import annotations

import re

import pytest

from benchmarks.gates import COLUMNS, PAGE, POWER_COLUMNS, SCENARIOS, Scenario, gates

ONE_RUN, DRIFT, *_ = SCENARIOS
FIGURES = ["ttft.avg", "ttft.p50", "ttft.p90", "ttft.p99"]
LEAST_CAUGHT = {ONE_RUN: (95, 95, 95, 80), DRIFT: (95, 95, 95, 70)}


def table(heading: str) -> list[list[str]]:
    """The cells of the table below a heading of the page, its header first."""
    _, _, rest = PAGE.read_text().partition(f"### {heading}\n\n")
    rows = [
        line.strip("| ").split(" | ") for line in rest.partition("\n\n")[0].splitlines() if line[:1] == "|"
    ]
    assert rows, f"{PAGE.name} has no table {heading!r}"
    return [rows[0], *rows[2:]]


def percent(cell: str) -> float:
    assert cell.endswith("%")
    return float(cell.removesuffix("%"))


@pytest.mark.parametrize("scenario", [ONE_RUN, DRIFT], ids=["one run", "drift"])
class TestPage:
    def test_identical_settings_fail_at_most_five_times_in_a_hundred(self, scenario: Scenario) -> None:
        header, *rows = table(scenario.title)
        assert header == list(COLUMNS)
        assert [row[0] for row in rows] == FIGURES
        assert all(percent(row[1]) <= 5 for row in rows)

    def test_a_change_is_caught(self, scenario: Scenario) -> None:
        for row, least in zip(table(scenario.title)[1:], LEAST_CAUGHT[scenario], strict=True):
            assert percent(row[5]) >= least, row[0]

    def test_names_the_requests_with_which_p99_catches_it_nineteen_times_in_twenty(
        self, scenario: Scenario
    ) -> None:
        header, *rows = table("Requests that P99 needs")
        assert header == list(POWER_COLUMNS)
        assert any(
            row[1:3] == [f"{scenario.drift:.0%}", str(scenario.baseline_runs)] and percent(row[3]) >= 95
            for row in rows
        )


def test_the_page_says_where_its_figures_come_from() -> None:
    text = PAGE.read_text()
    assert re.search(r"^- commit: `[0-9a-f]{12}(-dirty)?`$", text, re.MULTILINE)
    assert re.search(r"^- command: `python -m benchmarks\.gates( .*)?`$", text, re.MULTILINE)
    assert int(re.findall(r"^- gates of each kind: (\d+)$", text, re.MULTILINE)[0]) >= 200


@pytest.mark.parametrize("scenario", [ONE_RUN, DRIFT], ids=["one run", "drift"])
def test_the_gates_of_today_are_those_of_the_page(scenario: Scenario) -> None:
    count = 200
    row = dict(zip(FIGURES, table(scenario.title)[1:], strict=True))["ttft.p99"]
    for factor, cell in ((1.0, row[2]), (1.25, row[6])):
        tally = gates(scenario, factor, count, ["p99"])["p99"]
        assert 100 * tally.share("fail") == pytest.approx(percent(cell), abs=1.5)
