from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_npuperf.cli import main
from pytest_npuperf.commands.sides import read_side
from pytest_npuperf.report.change import Change, Figure, change_of
from pytest_npuperf.result import CaseResult
from pytest_npuperf.trace import Trace

Cases = Callable[..., CaseResult]
Reports = Callable[..., str]
Loads = Callable[..., Trace]


@pytest.fixture
def fast_and_slow(make_case: Cases, make_load: Loads, save_report: Reports) -> tuple[str, str]:
    """The reports of 320 requests with a TTFT of about 200 ms, and about 250 ms."""
    return (
        save_report("fast", make_case(trace=make_load(320))),
        save_report("slow", make_case(trace=make_load(320, ttft=250.0, seed=1))),
    )


def cells_of(output: str) -> dict[str, list[str]]:
    """The cells of each row by its figure: A, B, change, interval, n, what B is."""
    rows = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in output.splitlines()]
    return {row[0]: row[1:] for row in rows if len(row) == 7 and row[-1] not in ("B is", "-" * len(row[-1]))}


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command says that takes these arguments for wrong."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    return capsys.readouterr().err


def test_a_slower_server_is_worse(fast_and_slow: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *fast_and_slow]) == 0
    cells = cells_of(capsys.readouterr().out)

    assert list(cells) == [
        *(f"ttft.{statistic}" for statistic in ("avg", "p50", "p90", "p99")),
        *(
            f"{metric}.{statistic}"
            for metric in ("tpot", "itl", "e2el")
            for statistic in ("avg", "p50", "p99")
        ),
        "output_token_throughput",
        "request_throughput",
        "failure_rate",
    ]
    a, b, change, interval, n, word = cells["ttft.avg"]
    assert float(a.removesuffix(" ms")) == pytest.approx(200, rel=0.02)
    assert float(b.removesuffix(" ms")) == pytest.approx(250, rel=0.02)
    low, high = (float(end.removesuffix("%")) for end in interval.split(" .. "))
    assert 0 < low < float(change.removesuffix("%")) < high
    assert (n, word) == ("320", "worse")
    assert cells["request_throughput"][-1] == "worse", "a lower rate is worse"
    assert cells["tpot.p50"][-1] == "same"
    assert cells["failure_rate"] == ["0.0 %", "0.0 %", "-", "-", "320", "same"]


def test_a_faster_server_is_better(
    fast_and_slow: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    fast, slow = fast_and_slow
    main(["compare", slow, fast, "--between", "ttft.p90", "output_token_throughput", "total.e2el.median"])
    cells = cells_of(capsys.readouterr().out)

    assert {figure: row[-1] for figure, row in cells.items()} == {
        "ttft.p90": "better",
        "output_token_throughput": "better",
        "e2el.median": "better",
    }


def test_a_metric_without_a_good_side_is_higher_or_lower(
    make_case: Cases, save_report: Reports, build_trace: Callable[..., Trace]
) -> None:
    def prompts_of(tokens: int) -> Trace:
        return build_trace(
            *(
                {"sent": 10 * i, "chunks": [10 * i + 5], "end": 10 * i + 6, "input_tokens": tokens + i}
                for i in range(60)
            )
        )

    short, long = (
        read_side(save_report(str(tokens), make_case(trace=prompts_of(tokens))), Path()).cases["chat"].stages
        for tokens in (100, 900)
    )
    figure = Figure("input_tokens", "avg")
    assert change_of(figure, short, long).word == "higher"
    assert change_of(figure, long, short).word == "lower"


def test_chance_is_unclear(
    make_case: Cases, make_load: Loads, save_report: Reports, capsys: pytest.CaptureFixture[str]
) -> None:
    a = save_report("a", make_case(trace=make_load(60)))
    b = save_report("b", make_case(trace=make_load(60, seed=1)))
    main(["compare", a, b, "--between", "ttft.avg", "ttft.p99", "ttft.max"])
    cells = cells_of(capsys.readouterr().out)

    assert cells["ttft.avg"][-1] == "unclear"
    low, high = (float(end.removesuffix("%")) for end in cells["ttft.avg"][3].split(" .. "))
    assert low < 0 < high
    assert cells["ttft.p99"][-3:] == ["-", "60 (needs 299)", "unclear"]
    assert cells["ttft.max"][-3:] == ["-", "60", "unclear"]


def test_a_baseline_keeps_cases_of_one_name_apart(
    make_case: Cases, save_runs: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    save_runs("main", *(make_case(nodeid=f"{folder}.yaml::chat") for folder in "ab"))
    assert main(["compare", "main", "main", "--between", "ttft.avg"]) == 0
    output = capsys.readouterr().out
    assert "\na.yaml::chat\n" in output
    assert "\nb.yaml::chat\n" in output
    assert output.count("100") == 2, "each has the requests of its own run"


def changed(*, low: float, high: float, equal: bool = False) -> Change:
    return Change(
        figure=Figure("ttft", "avg"),
        a=1.0,
        b=1.0 if equal else 1 + (low + high) / 2,
        change=0.0 if equal else (low + high) / 2,
        interval=(low, high),
        n=(100, 100),
        needed_n=None,
    )


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (changed(low=-0.05, high=0.05, equal=True), "unclear"),
        (changed(low=-0.005, high=0.011, equal=True), "unclear"),
        (changed(low=-0.01, high=0.01), "same"),
        (changed(low=0.002, high=0.008), "same"),
        (changed(low=0.002, high=0.03), "worse"),
        (changed(low=-0.03, high=-0.002), "better"),
        (changed(low=-0.03, high=0.002), "unclear"),
        (replace(changed(low=0.0, high=0.0, equal=True), interval=None), "same"),
        (replace(changed(low=0.0, high=0.0, equal=True), interval=None, needed_n=299), "unclear"),
        (replace(changed(low=0.0, high=0.0), interval=None, a=None, b=None), "unclear"),
    ],
)
def test_only_an_interval_that_excludes_a_change_worth_telling_is_the_same(change: Change, word: str) -> None:
    assert change.word == word


def test_a_report_beside_itself_is_no_proof_that_nothing_changed(
    make_case: Cases, make_load: Loads, save_report: Reports, capsys: pytest.CaptureFixture[str]
) -> None:
    report = save_report("a", make_case(trace=make_load(60)))
    main(["compare", report, report, "--between", "ttft.avg", "tpot.avg", "ttft.p99", "failure_rate"])
    cells = cells_of(capsys.readouterr().out)
    assert {figure: row[-1] for figure, row in cells.items()} == {
        "ttft.avg": "unclear",
        "tpot.avg": "same",
        "ttft.p99": "unclear",
        "failure_rate": "same",
    }


def test_failed_requests_make_a_percentile_infinite(
    make_case: Cases, make_load: Loads, save_report: Reports, capsys: pytest.CaptureFixture[str]
) -> None:
    good = save_report("good", make_case(trace=make_load(320)))
    bad = save_report("bad", make_case(trace=make_load(320, failed=40)))
    main(["compare", good, bad, "--between", "ttft.p90", "failure_rate"])
    cells = cells_of(capsys.readouterr().out)
    assert cells["ttft.p90"][1:3] == ["infinite", "infinite"]
    assert cells["ttft.p90"][-1] == "worse"
    assert cells["failure_rate"][:3] == ["0.0 %", "12.5 %", "-"]

    main(["compare", bad, good, "--between", "ttft.p90"])
    assert cells_of(capsys.readouterr().out)["ttft.p90"][2:4] == ["-", "-"], "nothing is a share of infinity"


def test_a_baseline_may_be_either_side(
    make_case: Cases,
    make_load: Loads,
    save_report: Reports,
    save_runs: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    save_runs(
        "main", *(make_case(trace=make_load(seed=seed), started=f"2026-03-0{seed}") for seed in (1, 2, 3))
    )
    report = save_report("slow", make_case(trace=make_load(ttft=300.0)))

    for main_or_path in ("main", ".npuperf/baselines/main"):
        assert main(["compare", main_or_path, report, "--between", "ttft.avg"]) == 0
        output = capsys.readouterr().out
        assert output.startswith("A: baseline main in ")
        assert cells_of(output)["ttft.avg"][-2:] == ["300, 100", "worse"]
    main(["compare", report, "main", "--between", "ttft.avg"])
    assert cells_of(capsys.readouterr().out)["ttft.avg"][-1] == "better"


def test_cases_of_one_side_are_named(
    make_case: Cases, save_report: Reports, capsys: pytest.CaptureFixture[str]
) -> None:
    a = save_report("a", make_case(), make_case(name="old"), make_case(name="older"))
    b = save_report("b", make_case(), make_case(name="new"))
    main(["compare", a, b, "--between", "ttft.avg"])

    output = capsys.readouterr().out
    assert output.count("ttft.avg") == 1
    assert output.endswith("\nonly in A: old, older\n\nonly in B: new\n")


def test_items_of_two_folders_may_have_a_case_of_the_same_name(
    make_case: Cases, make_load: Loads, save_report: Reports, capsys: pytest.CaptureFixture[str]
) -> None:
    slow = make_load(ttft=300.0)
    again, other = make_case(trace=slow), make_case(trace=slow, nodeid="b/npuperf.yaml::chat")
    report = save_report("a", make_case(), again, other)
    main(["compare", report, report, "--between", "ttft.avg"])

    output = capsys.readouterr().out
    names = ("npuperf.yaml::chat", "npuperf.yaml::chat (2)", "b/npuperf.yaml::chat")
    assert all(f"\n{name}\n" in output for name in names)


def test_what_differs_between_both_is_said_above(
    make_case: Cases, save_report: Reports, capsys: pytest.CaptureFixture[str]
) -> None:
    a = save_report("a", make_case(), make_case(name="burst"))
    b = save_report(
        "b",
        make_case(settings={"requests": 5, "load": {"concurrency": 8, "think_time": 0.0}}),
        make_case(name="burst"),
        server={"asked_model": "/weights/qwen", "model": "other"},
    )
    main(["compare", a, b, "--between", "ttft.avg"])
    head, chat, burst = capsys.readouterr().out.split("\n\n")

    assert "not like with like (A is the baseline): served name: other, in the baseline qwen\n" in head
    assert "not compared, as not both sides know it: accelerator, " in head
    assert (
        "\nnot like with like (A is the baseline): "
        "requests: 5, in the baseline 100; load.concurrency: 8, in the baseline 1\n"
    ) in chat
    assert "not like with like" not in burst


def test_what_a_reader_must_know_of_a_case_stands_above_its_table(
    make_case: Cases, make_load: Loads, save_report: Reports, capsys: pytest.CaptureFixture[str]
) -> None:
    a = save_report("a", make_case(aborted="the server is gone"))
    b = save_report("b", make_case(not_measured="client-bound", trace=make_load(failed=3)))
    main(["compare", a, b, "--between", "ttft.avg"])

    output = capsys.readouterr().out
    assert "A: ABORTED: the server is gone\n" in output
    assert "B: 3 failed with http_status" in output
    assert "B: client-bound\n" in output


@pytest.mark.parametrize(
    ("figure", "said"),
    [
        ("tftt.p99", "unknown metric 'tftt'; did you mean 'ttft'?"),
        ("ttft", "name a statistic, such as ttft.p99"),
        ("ttft.mean", "unknown statistic 'mean'; did you mean 'avg'?"),
        ("request_throughput.p99", "request_throughput takes no statistic"),
        ("receive_lag.p99", "receive_lag is kept by no report"),
        ("goodput", "unknown metric 'goodput'"),
        ("steady", "unknown metric 'steady'"),
    ],
)
def test_a_figure_that_there_is_not(
    fast_and_slow: tuple[str, str], capsys: pytest.CaptureFixture[str], figure: str, said: str
) -> None:
    error = refused(capsys, "compare", *fast_and_slow, "--between", figure)
    assert f"figure '{figure}': {said}" in error
    assert "allowed are " in error


def test_a_side_that_is_not_there(
    fast_and_slow: tuple[str, str], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fast, _ = fast_and_slow
    assert "'gone' is neither a report nor a baseline: there is no baseline in" in refused(
        capsys, "compare", fast, "gone"
    )
    assert "such as " in refused(capsys, "compare", fast, str(here)), "a folder of reports names those in it"
    (here / fast / "summary.json").write_text("{")
    assert "the report is damaged" in refused(capsys, "compare", fast, fast)


def test_two_sides_without_a_case_in_common(
    make_case: Cases, save_report: Reports, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = save_report("a", make_case()), save_report("b", make_case(name="burst"))
    assert "no case in common: A has chat, B has burst" in refused(capsys, "compare", a, b)


def test_only_a_terminal_gets_colours(
    fast_and_slow: tuple[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["compare", *fast_and_slow, "--between", "ttft.avg", "request_throughput", "ttft.max"]
    main(arguments)
    plain = capsys.readouterr().out
    assert "\x1b" not in plain

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    main(arguments)
    lines = capsys.readouterr().out.splitlines()
    assert [line.startswith("\x1b[31m") and line.endswith("worse\x1b[0m") for line in lines[-3:]] == [
        True,
        True,
        False,
    ]
    assert [line.replace("\x1b[31m", "").replace("\x1b[0m", "") for line in lines] == plain.splitlines()

    main(["compare", *reversed(fast_and_slow), "--between", "ttft.avg"])
    assert "\x1b[32mttft.avg" in capsys.readouterr().out

    monkeypatch.setenv("NO_COLOR", "1")
    main(arguments)
    assert capsys.readouterr().out == plain
