"""The benchmarks: their arithmetic, and the form of what they wrote."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from benchmarks import start, table
from benchmarks.arguments import parse
from benchmarks.client import Load, Measured, Statistics
from benchmarks.clients import floor
from benchmarks.field import OURS, Places, find_client
from benchmarks.figures import statistics_of
from benchmarks.meter import Usage, measure
from benchmarks.page import PAGE, provenance, replaced
from benchmarks.row import Row, row_of
from benchmarks.scenario import SCENARIOS, Scenario
from benchmarks.server import SIMULATOR, Server
from benchmarks.truth import Truth, read_truth

MS = 1_000_000
NUMBER = r"\d[\d,]*(?:\.\d+)?"
ERROR = rf"(?:[+-]{NUMBER}|-) \(-?{NUMBER}\)|-"
CELLS = dict.fromkeys(table.COLUMNS, NUMBER) | {
    "client": r"[\w-]+",
    "requests": r"\d+/\d+|-",
    "of asked": rf"{NUMBER}%",
    "CPU us/token": rf"{NUMBER}(?: \({NUMBER}\))?",
    "x ours": rf"{NUMBER}|-",
    "x floor": rf"{NUMBER}|-",
    **dict.fromkeys(("TTFT mean", "TTFT P50", "TTFT P99", "ITL P50", "ITL P99"), ERROR),
}


def answer(received: int, *gaps: int) -> tuple[int, list[int]]:
    """An answer that came at ``received``, the first token 50 ms later; ms in, ns out."""
    stamps = [received + 50]
    for gap in gaps:
        stamps.append(stamps[-1] + gap)
    return received * MS, [stamp * MS for stamp in stamps]


def part(name: str) -> str:
    begin, end = f"<!-- {name}: written by the script -->\n", f"<!-- end of {name} -->\n"
    page = PAGE.read_text()
    assert page.count(begin) == page.count(end) == 1
    return page.partition(begin)[2].partition(end)[0]


def tables(text: str) -> list[list[list[str]]]:
    """The cells of the tables in a Markdown text."""
    blocks = re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE)
    return [[line.strip("|\n ").split(" | ") for line in block.splitlines()] for block in blocks]


class TestPage:
    @pytest.mark.parametrize(("name", "module"), [("load", "benchmarks"), ("start", "benchmarks.start")])
    def test_says_where_its_figures_come_from(self, name: str, module: str) -> None:
        text = part(name)
        assert re.search(r"^- date: \d{4}-\d\d-\d\d \d\d:\d\d UTC$", text, re.MULTILINE)
        assert re.search(r"^- commit: `[0-9a-f]{12}(-dirty)?`$", text, re.MULTILINE)
        assert re.search(rf"^- command: `python -m {re.escape(module)}( .*)?`$", text, re.MULTILINE)
        assert re.search(r"^- machine: \d+ x \S.*, Linux \S+, Python 3\.\d+\.\d+$", text, re.MULTILINE)

    def test_load_tables_have_the_columns_and_figures_that_parse(self) -> None:
        text = part("load")
        found = tables(text)
        assert found
        assert len(found) == len(re.findall(r"^### \d+ streams", text, re.MULTILINE))
        for header, _, *rows in found:
            assert header == list(table.COLUMNS)
            assert OURS in {row[0] for row in rows}
            for row in rows:
                assert len(row) == len(header)
                for column, cell in zip(header, row, strict=True):
                    assert re.fullmatch(CELLS[column], cell), (row[0], column, cell)

    def test_start_table_has_the_columns_and_figures_that_parse(self) -> None:
        ((header, _, *rows),) = tables(part("start"))
        assert header == list(start.COLUMNS)
        assert len(rows) == 4
        for _, *figures in rows:
            assert all(re.fullmatch(NUMBER, figure) for figure in figures)

    def test_a_part_is_replaced_between_its_markers_only(self) -> None:
        page = "a\n<!-- load: written by the script -->\nold\n<!-- end of load -->\nb\n"
        assert replaced(page, "load", "new") == page.replace("old", "new")

    def test_a_page_without_the_part_is_an_error_that_names_the_markers(self) -> None:
        with pytest.raises(ValueError, match=r"no part 'load'.*<!-- load: .*<!-- end of load -->"):
            replaced("a\n", "load", "new")

    def test_provenance_quotes_the_command(self) -> None:
        assert "- command: `python -m benchmarks --floor-command 'a {port}'`" in provenance(
            "benchmarks", ["--floor-command", "a {port}"]
        )


class TestFigures:
    def test_ttft_and_pooled_gaps_are_in_ms(self) -> None:
        found = statistics_of([answer(0, 10, 20), (0, [150 * MS, 180 * MS])])
        assert found == Statistics(100.0, 100.0, 149.0, 20.0, 29.8)

    def test_nothing_has_no_statistics(self) -> None:
        assert statistics_of([]) == Statistics(None, None, None, None, None)

    def test_answers_of_one_token_have_no_itl(self) -> None:
        assert statistics_of([answer(0)]) == Statistics(50.0, 50.0, 50.0, None, None)


class TestTruth:
    def test_is_read_in_order_of_arrival(self) -> None:
        lines = ['{"t_received": 5, "stamps": [7, 9]}', '{"t_received": 1, "stamps": [2]}']
        assert read_truth(lines).answers == [(1, [2]), (5, [7, 9])]

    @pytest.mark.parametrize("field", ['"stream": false', '"outcome": "abandoned"'])
    def test_answers_that_are_no_whole_stream_do_not_count(self, field: str) -> None:
        assert read_truth([f'{{"t_received": 1, "stamps": [2], {field}}}']).answers == []

    def test_warm_up_is_what_came_before_the_measured_requests(self) -> None:
        truth = Truth([answer(0), answer(100), answer(200)])
        assert truth.measured(2).answers == [answer(100), answer(200)]

    def test_rate_is_that_of_streams_that_follow_each_other(self) -> None:
        # two streams, two tokens an answer, the next request 100 ms after the last one
        truth = Truth([answer(0, 10), answer(7, 10), answer(100, 10), answer(107, 10)])
        assert truth.token_rate(2) == pytest.approx(2 * 2 / 0.1)

    def test_asked_rate_is_that_of_a_stream_without_pauses(self) -> None:
        scenario = Scenario(streams=3, ttft_ms=50, itl_ms=10, tokens=6)
        assert scenario.token_rate == pytest.approx(3 * 6 / 0.1)


class TestRow:
    usage = Usage(0, 2.0, 1.0, [(-100 * MS, 0.0), (0, 0.2), (1000 * MS, 0.8)])

    def row(self, rounds: int = 1) -> Row:
        scenario = Scenario(streams=2, ttft_ms=50, itl_ms=10, tokens=2, rounds=rounds)
        truth = Truth([answer(at, 10) for at in (0, 1, 100, 101, 200, 201)])
        measured = Measured(4, Statistics(51.0, 50.5, None, 10.0, 11.0), 0.1, 0.4)
        return row_of("us", scenario, measured, self.usage, truth)

    def test_cpu_of_the_load_leaves_out_start_and_report(self) -> None:
        row = self.row(rounds=2)
        assert row.cpu == pytest.approx((1.0 - 0.2 - 0.1) / 12 * 1e6)
        assert row.cpu_whole == pytest.approx(1.0 / 12 * 1e6)
        assert row.cpu_sending == pytest.approx(0.4 / 8 * 1e6)

    def test_time_around_is_the_commands_without_the_loads(self) -> None:
        assert self.row(rounds=2).time_around == pytest.approx(2.0 - 0.261)

    def test_requests_that_the_server_never_saw_are_an_error(self) -> None:
        with pytest.raises(ValueError, match="the server answered 6 of 8 requests"):
            self.row(rounds=4)

    def test_cpu_time_between_two_samples_is_interpolated(self) -> None:
        assert self.usage.cpu_time_at(500 * MS) == pytest.approx(0.5)

    def test_table_shows_error_and_truth_and_ratios(self) -> None:
        ours = self.row(rounds=2)
        ((header, _, row),) = tables(table.table([ours], ours="us", floor="floor") + "\n")
        cells = dict(zip(header, row, strict=True))
        assert cells["requests"] == "4/4"
        assert cells["TTFT mean"] == "+1.000 (50.00)"
        assert cells["TTFT P99"] == "- (50.00)"
        assert cells["x ours"] == "1.00"
        assert cells["x floor"] == "-"
        assert all(re.fullmatch(CELLS[column], cell) for column, cell in cells.items())

    def test_durations_are_shown_by_median_and_extremes(self) -> None:
        ((header, _, row),) = tables(start.durations_table({"a": [3.0, 1.0, 1.5]}) + "\n")
        assert dict(zip(header, row, strict=True)) == {
            "seconds": "a",
            "median": "1.50",
            "lowest": "1.00",
            "highest": "3.00",
            "runs": "3",
        }


class TestMeter:
    BURN = "import time\nwhile time.process_time() < 0.2: pass"

    def run(self, program: str, tmp_path: Path, timeout: float = 60.0) -> Usage:
        cpus = os.sched_getaffinity(0)
        command = [sys.executable, "-c", program]
        return measure(command, cpus=cpus, meter_cpus=cpus, log=tmp_path / "log", timeout=timeout)

    def test_counts_orphans_too(self, tmp_path: Path) -> None:
        orphan = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {self.BURN!r}])"
        usage = self.run(orphan, tmp_path)
        assert usage.exit_code == 0
        assert usage.cpu_time >= 0.2
        assert usage.samples[-1][1] <= usage.cpu_time + 0.1

    def test_reports_the_exit_code_and_keeps_what_was_printed(self, tmp_path: Path) -> None:
        assert self.run("print('why'); raise SystemExit(3)", tmp_path).exit_code == 3
        assert (tmp_path / "log").read_text() == "why\n"

    def test_ends_a_command_that_takes_too_long(self, tmp_path: Path) -> None:
        assert self.run("import time; time.sleep(60)", tmp_path, timeout=0.5).exit_code < 0


class TestClients:
    nowhere = Places({}, None, None)

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("floor", "no command was given: --floor-command"),
            ("aiohttp", "no environment was given: --venv aiohttp=DIR"),
        ],
    )
    def test_what_is_missing_says_what_to_give(self, name: str, message: str) -> None:
        with pytest.raises(LookupError, match=re.escape(message)):
            find_client(name, self.nowhere)

    def test_an_environment_without_the_client_says_so(self, tmp_path: Path) -> None:
        with pytest.raises(LookupError, match=r"aiperf is not installed for .*/bin/python"):
            find_client("aiperf", Places({"aiperf": tmp_path}, None, None))

    def test_the_floor_gets_a_warm_up_request_for_each_stream(self) -> None:
        load = Load(port=81, model="m", streams=4, requests=8, tokens=1, directory="")
        template = "limit {port} {streams} {requests_per_stream}"
        assert floor.command(load, template=template) == ["limit", "81", "4", "3"]

    @pytest.mark.parametrize("name", [OURS, "httpx"])
    def test_a_client_is_measured_against_the_simulator(self, name: str, tmp_path: Path) -> None:
        scenario = Scenario(streams=3, ttft_ms=20, itl_ms=2, tokens=5, rounds=2)
        client = find_client(name, self.nowhere)
        cpus = os.sched_getaffinity(0)
        with Server.run(SIMULATOR, scenario, cpus=cpus, directory=tmp_path) as server:
            load = Load(
                port=server.port, model=server.model, streams=3, requests=6, tokens=5, directory=str(tmp_path)
            )
            usage = measure(
                client.command(load), cpus=cpus, meter_cpus=cpus, log=tmp_path / "log", timeout=60
            )
        assert usage.exit_code == 0, (tmp_path / "log").read_text()
        truth = server.truth()
        row = row_of(name, scenario, client.read(load), usage, truth)
        assert truth.tokens == 9 * 5
        assert row.completed == row.requests == 6
        assert row.measured.ttft_p50 is not None
        assert row.measured.ttft_p50 >= 20
        assert 0 < row.cpu < row.cpu_whole


class TestArguments:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--scenarios", "65"], "'65' is not one of 64, 256, 512, 768, 1100"),
            (["--clients", "curl"], "'curl' is not one of pytest-npuperf, "),
            (["--venv", "aiohttp"], "'aiohttp' is not CLIENT=DIR with a client of "),
            (["--rounds", "1"], "--rounds is 1: a rate needs at least 2"),
            (["--server-command", "x"], "--server-command and --truth-command need each other"),
        ],
    )
    def test_a_wrong_value_says_what_is_allowed(
        self, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit):
            parse(arguments)
        assert message in capsys.readouterr().err

    @pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two CPUs")
    def test_rounds_replace_those_of_the_scenario(self) -> None:
        settings = parse(["--scenarios", "64", "--rounds", "3"])
        assert settings.scenarios[0].requests == 3 * SCENARIOS["64"].streams
        assert settings.server_cpus.isdisjoint(settings.client_cpus)
