from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_npuperf.cli import main
from pytest_npuperf.commands.report import FIGURES
from pytest_npuperf.result import CaseResult
from pytest_npuperf.trace import Trace

Cases = Callable[..., CaseResult]
Reports = Callable[..., str]
Loads = Callable[..., Trace]
OLD, NEW = "a" * 40, "b" * 40


def page(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def rows(text: str, figure: str) -> list[list[str]]:
    """Run, commit, figure, n and notes of each run, of the only case."""
    table = text.split(f'aria-label="{figure} by run"')[1].split("</table>")[0]
    body = table.split("<tbody>")[1]
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in body.split("</tr>")[:-1]]


def change(folder: str, alter: Callable[[Any], object]) -> None:
    """Rewrite the summary of a report after ``alter`` was at its content."""
    path = Path(folder, "summary.json")
    content = json.loads(path.read_bytes())
    alter(content)
    path.write_text(json.dumps(content))


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command says that comes to nothing."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    return capsys.readouterr().err


@pytest.fixture
def two_runs(make_case: Cases, make_load: Loads, save_report: Reports) -> tuple[str, str]:
    """Two runs of the same case, the newer one with the name that comes first and a higher TTFT."""

    def save(folder: str, day: int, commit: str, ttft: float) -> str:
        result = make_case("ttft.p50 < 210 ms", trace=make_load(320, ttft=ttft))
        environment = {"git": {"commit": commit, "dirty": commit == NEW}}
        started = f"2026-03-{day:02}T20:22:00.000+08:00"
        return save_report(f"reports/{folder}", result, started=started, environment=environment)

    return save("a-new", 9, NEW, 250.0), save("b-old", 2, OLD, 200.0)


def test_runs_below_a_folder_are_shown_in_order_of_time(
    two_runs: tuple[str, str], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "reports"]) == 0
    assert capsys.readouterr().out == "2 runs: history.html\n"
    text = page(here / "history.html")
    assert re.findall(r"<h4>(.*?)</h4>", text) == list(FIGURES)
    first, last = rows(text, "ttft.p50")
    links = [f'<a href="{folder}/report.html">' for folder in reversed(two_runs)]
    assert first[:2] == [f"{links[0]}2026-03-02 20:22+08:00</a>", "a" * 12]
    assert last[:2] == [f"{links[1]}2026-03-09 20:22+08:00</a>", f"{'b' * 12}, dirty"]
    assert [row[3] for row in (first, last)] == ["320", "320"]
    medians = [
        json.loads(Path(folder, "summary.json").read_bytes())["cases"][0]["stages"]["total"]["ttft"]["median"]
        for folder in reversed(two_runs)
    ]
    assert [float(row[2].removesuffix(" ms")) for row in (first, last)] == [
        pytest.approx(1000 * median, rel=1e-3) for median in medians
    ]
    assert [row[4] for row in (first, last)] == ["-", "fail: ttft.p50 &lt; 210 ms"]
    assert "The newest run has the budget ttft.p50 &lt; 210 ms: its bound is 210 ms." in text
    assert text.count('class="bound fail"') == 3, (
        "a bound, its label, and the point of the run that breaks it"
    )


def test_figures_are_chosen_and_the_page_goes_where_it_is_asked_to(
    two_runs: tuple[str, str], here: Path
) -> None:
    arguments = ["--figures", "itl.avg", "request_throughput", "ttft.p50", "--output", "trend.html"]
    assert main(["report", *two_runs, *arguments]) == 0
    text = page(here / "trend.html")
    assert re.findall(r"<h4>(.*?)</h4>", text) == ["itl.avg", "request_throughput", "ttft.p50"]
    assert rows(text, "itl.avg")[0][2:4] == ["10 ms", "320"], "n is requests, not gaps"
    assert rows(text, "request_throughput")[0][2].endswith(" req/s")
    assert not list(here.glob(".*.tmp"))


@pytest.mark.usefixtures("two_runs")
def test_requests_behind_the_figures_are_not_read(here: Path) -> None:
    for path in here.rglob("*_details.json"):
        path.unlink()
    assert main(["report", "reports"]) == 0


@pytest.mark.parametrize("left", [b"", b'{"schema_version": 1, "run_id"', b"[]", b"\xff", b"[" * 100_000])
def test_a_damaged_report_is_named_and_left_out(
    two_runs: tuple[str, str], here: Path, capsys: pytest.CaptureFixture[str], left: bytes
) -> None:
    Path(two_runs[0], "summary.json").write_bytes(left)
    assert main(["report", "reports"]) == 0
    captured = capsys.readouterr()
    assert captured.err.startswith("npuperf: left out: the report is damaged: ")
    assert captured.err.count("\n") == 1
    assert "a-new" in captured.err
    assert captured.out == "1 run: history.html\n"
    text = page(here / "history.html")
    assert "Reports left out" in text
    assert len(rows(text, "ttft.p50")) == 1


@pytest.mark.parametrize(
    ("alter", "said"),
    [
        (lambda summary: summary.update(schema_version=99), "schema_version 99"),
        (lambda summary: summary.update(started="yesterday"), "started"),
        (lambda summary: summary.update(started="2026-03-09T20:22:00"), "started"),
        (lambda summary: summary["cases"][0]["stages"]["total"].update(e2el="slow"), "damaged"),
        (lambda summary: summary["cases"][0]["stages"]["total"]["ttft"].update(p99=1e300), "damaged"),
    ],
)
def test_what_no_run_writes_is_left_out(
    two_runs: tuple[str, str],
    capsys: pytest.CaptureFixture[str],
    alter: Callable[[Any], object],
    said: str,
) -> None:
    change(two_runs[0], alter)
    assert main(["report", "reports"]) == 0
    assert said in capsys.readouterr().err


def test_keys_that_a_later_version_adds_do_no_harm(two_runs: tuple[str, str]) -> None:
    change(two_runs[0], lambda summary: summary["cases"][0]["stages"]["total"].update(jitter=[1, "x"]))
    assert main(["report", two_runs[0]]) == 0


def test_a_half_written_report_is_named(
    two_runs: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path(two_runs[0], "summary.json").unlink()
    assert main(["report", "reports"]) == 0
    error = capsys.readouterr().err
    assert "a-new is no report, as it has no summary.json, which a run writes last" in error


def test_nothing_comes_of_no_report(
    two_runs: tuple[str, str], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in two_runs:
        Path(folder, "summary.json").write_bytes(b"{")
    error = refused(capsys, "report", "reports", "nowhere")
    assert error.count("left out: the report is damaged") == 2
    assert "left out: there is no report nowhere" in error
    assert "there is no report to show" in error
    assert not (here / "history.html").exists()


def test_a_run_counts_once(two_runs: tuple[str, str], here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = two_runs[1]
    assert main(["report", "reports", old, f"{old}/summary.json", f"./{old}"]) == 0
    assert capsys.readouterr().err == "", "the same folder again is nothing to speak of"
    (here / "copy").mkdir()
    (here / "copy" / "summary.json").write_bytes(Path(old, "summary.json").read_bytes())
    assert main(["report", "reports", "copy"]) == 0
    captured = capsys.readouterr()
    assert captured.err == f"npuperf: left out: copy is the same run as {old}\n"
    assert captured.out == "2 runs: history.html\n"


def test_a_summary_by_itself_is_enough(two_runs: tuple[str, str], here: Path) -> None:
    for folder in two_runs:
        Path(folder, "configs", "cases.json").unlink()
    assert main(["report", "reports"]) == 0
    assert [row[4] for row in rows(page(here / "history.html"), "ttft.p99")] == ["-", "-"]


def test_the_baseline_is_drawn_with_the_bound_that_follows_from_it(
    make_case: Cases, make_load: Loads, save_report: Reports, save_runs: Callable[..., None], here: Path
) -> None:
    stored = [make_case(trace=make_load(100, seed=seed), started=f"2026-01-0{seed}") for seed in (1, 2)]
    save_runs("main", *stored)
    save_report("run", make_case("ttft.avg <= baseline + 10 %", trace=make_load(100, seed=3)))
    assert main(["report", "run", "--figures", "ttft.avg", "--baseline", "main"]) == 0
    text = page(here / "history.html")
    mean = sum(result.ttft.avg for result in stored) / 2 * 1000
    (said,) = set(re.findall(r"The baseline has ([\d.]+) ms", text))
    assert float(said) == pytest.approx(mean, rel=1e-3)
    (said,) = set(re.findall(r"its bound is ([\d.]+) ms", text))
    assert float(said) == pytest.approx(1.1 * mean, rel=1e-3)
    assert len(re.findall(r'<line class="curve baseline"', text)) == 1
    assert len(re.findall(r'<line class="bound open"', text)) == 1


@pytest.mark.usefixtures("two_runs")
def test_a_baseline_without_the_case_is_said(
    make_case: Cases, save_runs: Callable[..., None], here: Path
) -> None:
    save_runs("main", make_case(name="other"))
    assert main(["report", "reports", "--baseline", "main"]) == 0
    assert "the baseline main has no run of it" in page(here / "history.html")


def test_figures_that_are_not_the_server_s_are_not_drawn(
    make_case: Cases, save_report: Reports, here: Path
) -> None:
    save_report("one", make_case(), started="2026-03-01T00:00:00Z")
    save_report("two", make_case(not_measured="client-bound"), started="2026-03-02T00:00:00Z")
    assert main(["report", "one", "two"]) == 0
    text = page(here / "history.html")
    assert [row[2] == "-" for row in rows(text, "ttft.p50")] == [False, True]
    assert rows(text, "ttft.p50")[1][4] == "not measured: client-bound"
    assert text.count("<circle") == len(FIGURES)


def test_failed_requests_are_told(
    make_case: Cases, make_load: Loads, save_report: Reports, here: Path
) -> None:
    save_report("one", make_case(trace=make_load(100, failed=3)))
    assert main(["report", "one"]) == 0
    (row,) = rows(page(here / "history.html"), "ttft.p99")
    assert row[3] == "97 (needs 299)"
    assert row[4] == "3 failed requests"


def test_another_workload_breaks_the_line(make_case: Cases, save_report: Reports, here: Path) -> None:
    for day, requests in enumerate((100, 100, 50, 50), start=1):
        settings = {"name": "chat", "requests": requests}
        save_report(f"run{day}", make_case(settings=settings), started=f"2026-03-0{day}T00:00:00Z")
    assert main(["report", *(f"run{day}" for day in (1, 2, 3, 4)), "--figures", "ttft.p50"]) == 0
    text = page(here / "history.html")
    assert [row[4] for row in rows(text, "ttft.p50")] == ["-", "-", "changed: requests: 50 after 100", "-"]
    (path,) = re.findall(r'class="curve main" d="(.*?)"', text)
    assert re.sub(r"[\d. ]", "", path) == "MLML"
    assert "Line broken before 03-03 00:00 (requests: 50 after 100)." in text


def test_cases_of_the_same_name_are_kept_apart(make_case: Cases, save_report: Reports, here: Path) -> None:
    save_report("one", make_case(nodeid="a.yaml::chat"), make_case(nodeid="b.yaml::chat"))
    assert main(["report", "one"]) == 0
    assert re.findall(r"<h2>(.*?)</h2>", page(here / "history.html")) == [
        *("Newest run", "How to read the charts", "chat", "chat (2)", "Runs, the newest first")
    ]


@pytest.mark.usefixtures("two_runs")
def test_hostile_text_of_a_report_stays_text(
    make_case: Cases,
    save_report: Reports,
    here: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    hostile = "\"'><img src=x onerror=alert(1)></style></script><script>alert(1)</script>\x1b[31m\u202e"
    save_report(
        "reports/hostile",
        make_case(name=hostile, aborted=hostile),
        server={"model": hostile},
        environment={"git": {"commit": hostile}},
    )
    damaged = here / "reports" / "<img src=x onerror=alert(1)>\x1b[31m"
    damaged.mkdir()
    (damaged / "summary.json").write_text("{")
    assert main(["report", "reports"]) == 0
    text = page(here / "history.html")
    assert "<img" not in text
    assert text.count("<script>") == text.count("</script>") == 1
    assert not {"\x1b", "\u202e"} & set(text)
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    captured = capsys.readouterr()
    assert "\x1b" not in captured.out + captured.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--figures", "tfft.p99"], "unknown metric 'tfft'; did you mean 'ttft'?"),
        (["--figures", "ttft.p99.9"], "no report has ttft.p99.9: the summary.json of a report keeps avg,"),
        (["--figures", "steady.ttft.p99"], "no report has steady.ttft.p99"),
        (["--baseline", "gone"], "there is no baseline in "),
        (["--output", "no/such/folder.html"], "the page cannot be written to no/such/folder.html"),
        (["--output", "reports"], "the page cannot be written to reports"),
    ],
)
@pytest.mark.usefixtures("two_runs")
def test_wrong_arguments_write_nothing(
    here: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    assert said in refused(capsys, "report", "reports", *arguments)
    assert [path.name for path in here.iterdir()] == ["reports"]


@pytest.mark.parametrize("command", ["report", "view"])
def test_every_option_is_on_the_page(capsys: pytest.CaptureFixture[str], command: str) -> None:
    docs = (Path(__file__).parents[3] / "docs" / "cli.md").read_text(encoding="utf-8")
    _, section = docs.split(f"\n## {command}\n")
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    options = set(re.findall(r"--[a-z]+", capsys.readouterr().out)) - {"--help"}
    assert options == set(re.findall(r"--[a-z]+", section.split("```")[1]))


def test_the_page_names_the_usual_figures() -> None:
    docs = (Path(__file__).parents[3] / "docs" / "cli.md").read_text(encoding="utf-8")
    assert ", ".join(f"`{name}`" for name in FIGURES) in " ".join(docs.split())
