from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_npuperf.cli import main
from pytest_npuperf.result import CaseResult
from pytest_npuperf.slo import Verdict, parse_budget
from pytest_npuperf.trace import Trace

Cases = Callable[..., CaseResult]
Reports = Callable[..., str]
Loads = Callable[..., Trace]


def row_of(output: str, budget: str) -> list[str]:
    """The cells of a budget's row."""
    (line,) = [line for line in output.splitlines() if line.startswith(f"{budget}  ")]
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command says that takes these arguments for wrong."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    return capsys.readouterr().err


def test_budgets_that_hold(
    make_case: Cases, save_report: Reports, capsys: pytest.CaptureFixture[str]
) -> None:
    report = save_report("a", make_case())

    assert main(["judge", report, "--slo", "ttft.p99 < 1 s", "--slo", "request_throughput > 1 req/s"]) == 0
    output = capsys.readouterr().out
    assert output.startswith("chat\n")
    assert row_of(output, "ttft.p99 < 1 s")[-2:] == ["100 (needs 299)", "pass (unsupported)"]
    assert row_of(output, "request_throughput > 1 req/s")[-1] == "pass"
    assert row_of(output, "failed_requests == 0 (implied)")[-1] == "pass"
    assert output.endswith("1 case judged, none failed\n")


def test_a_budget_that_does_not_hold(
    make_case: Cases, save_report: Reports, capsys: pytest.CaptureFixture[str]
) -> None:
    report = save_report("a", make_case("ttft.p99 < 1 s"))

    assert main(["judge", f"{report}/summary.json", "--slo", "ttft.avg < 20 ms"]) == 1
    output = capsys.readouterr().out
    assert row_of(output, "ttft.avg < 20 ms")[-1].startswith("FAIL")
    assert "ttft.p99 < 1 s" not in output
    assert output.endswith("1 case judged, 1 failed: chat\n")


def test_without_budgets_those_of_the_report_are_judged_again(
    make_case: Cases, save_report: Reports, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = make_case("e2el.avg < 1 ms", "ttft.p99 < 1 s", name="burst")
    advisory = make_case(name="chat")
    advisory.judge([replace(parse_budget("ttft.avg < 1 ms"), advisory=True)])
    report = save_report("a", advisory, broken)

    assert main(["judge", report]) == 1
    output = capsys.readouterr().out
    assert "advisory" in row_of(output, "ttft.avg < 1 ms")[-1]
    assert row_of(output, "e2el.avg < 1 ms")[-1].startswith("FAIL")
    assert output.endswith("2 cases judged, 1 budget not shown to hold, 1 failed: burst\n")


def test_an_advisory_budget_only_warns(make_case: Cases, save_report: Reports) -> None:
    result = make_case()
    result.judge([replace(parse_budget("ttft.avg < 1 ms"), advisory=True)])

    assert main(["judge", save_report("a", result)]) == 0


def test_what_every_case_has_to_keep_is_judged_with_the_new_budgets(
    make_case: Cases, make_load: Loads, save_report: Reports, capsys: pytest.CaptureFixture[str]
) -> None:
    report = save_report("a", make_case(trace=make_load(failed=2)))

    assert main(["judge", report, "--slo", "ttft.avg < 1 s"]) == 1
    assert row_of(capsys.readouterr().out, "failed_requests == 0 (implied)")[-1] == "FAIL"
    assert main(["judge", report, "--slo", "failure_rate < 5 %"]) == 0


def test_one_case_of_several(
    make_case: Cases, save_report: Reports, capsys: pytest.CaptureFixture[str]
) -> None:
    report = save_report("a", make_case(), make_case("ttft.avg < 1 ms", name="burst"))

    assert main(["judge", report, "--case", "chat"]) == 0
    assert "burst" not in capsys.readouterr().out
    assert "the report has no case 'chad'; it has chat, burst" in refused(
        capsys, "judge", report, "--case", "chad"
    )


@pytest.mark.parametrize("field", ["not_measured", "aborted"])
def test_a_case_that_was_not_measured_as_it_was_meant_fails(
    make_case: Cases, save_report: Reports, capsys: pytest.CaptureFixture[str], field: str
) -> None:
    report = save_report("a", make_case(**{field: "for a reason"}))

    assert main(["judge", report, "--slo", "ttft.avg < 1 s"]) == 1
    output = capsys.readouterr().out
    assert "for a reason" in output
    assert ("ttft.avg < 1 s" in output) is (field == "aborted"), "what is not the server's is not judged"


def test_a_pass_that_would_mean_nothing_fails(
    make_case: Cases, make_load: Loads, save_report: Reports, capsys: pytest.CaptureFixture[str]
) -> None:
    load = make_load()
    load = replace(load, asked_output_tokens=load.output_tokens * 4)
    report = save_report("a", make_case(trace=load, sent=101), make_case(name="whole", sent=100))

    assert main(["judge", report, "--slo", "ttft.avg < 1 s"]) == 1
    output = capsys.readouterr().out
    assert "VACUOUS: 100 of 100 answers missed the exact output length" in output
    assert "VACUOUS: 1 of 101 requests sent are not accounted for" in output
    assert output.endswith("2 cases judged, 1 failed: chat\n")

    assert main(["judge", report, "--slo", "missed_output_length <= 100 %"]) == 1
    output = capsys.readouterr().out
    assert "answers missed the exact" not in output
    assert "VACUOUS: 1 of 101 requests sent are not accounted for" in output


def test_a_budget_on_what_a_report_does_not_keep(
    make_case: Cases, save_report: Reports, capsys: pytest.CaptureFixture[str]
) -> None:
    result = make_case()
    lag = Verdict(budget=parse_budget("receive_lag.p99 < 1 ms"), measured=0.002, n=300, outcome="fail")
    result.verdicts.append(lag)
    report = save_report("a", result)

    error = refused(capsys, "judge", report, "--slo", "receive_lag.p99 < 1 ms")
    assert "receive_lag is not in a report" in error
    assert main(["judge", report]) == 1
    output = capsys.readouterr().out
    assert row_of(output, "receive_lag.p99 < 1 ms")[1:] == ["2.0 ms", "-", "300", "FAIL"]
    assert "receive_lag.p99 < 1 ms: as the run judged it" in output


def test_the_capacity_of_a_search_stays_as_the_run_judged_it(
    make_case: Cases, save_report: Reports, capsys: pytest.CaptureFixture[str]
) -> None:
    result = make_case("ttft.avg < 1 s")
    capacity = replace(
        parse_budget("total_requests >= 4"), expression="capacity >= 4", metric="capacity", implied=True
    )
    result.verdicts.append(Verdict(budget=capacity, measured=None, n=3, outcome="fail"))

    assert main(["judge", save_report("a", result)]) == 1
    output = capsys.readouterr().out
    assert row_of(output, "capacity >= 4 (implied)")[-1] == "FAIL"
    assert row_of(output, "ttft.avg < 1 s")[-1] == "pass"


def test_an_expression_that_is_not_valid_is_pointed_at(
    make_case: Cases, save_report: Reports, capsys: pytest.CaptureFixture[str]
) -> None:
    error = refused(capsys, "judge", save_report("a", make_case()), "--slo", "ttft.p99 < 500 msec")
    assert "ttft has no unit 'msec'; did you mean 'ms'?" in error


def test_a_comparison_the_wrong_way_round_warns(
    make_case: Cases, save_report: Reports, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["judge", save_report("a", make_case()), "--slo", "ttft.p99 > 1 ms"])
    assert "npuperf: warning: budget 'ttft.p99 > 1 ms': a higher ttft is worse" in capsys.readouterr().err


def test_a_baseline_is_what_relative_budgets_are_held_against(
    make_case: Cases, make_load: Loads, save_report: Reports, save_runs: Callable[..., None]
) -> None:
    save_runs("main", make_case())
    same = save_report("same", make_case(trace=make_load(seed=1)))
    slow = save_report("slow", make_case(trace=make_load(ttft=300.0)))

    budget = ["--slo", "ttft.avg <= baseline + 10 %", "--baseline", "main"]
    assert main(["judge", same, *budget]) == 0
    assert main(["judge", slow, *budget]) == 1
    assert main(["judge", slow, "--slo", "ttft.avg <= baseline(main) + 90 %"]) == 0


def test_without_a_baseline_a_relative_budget_warns(
    make_case: Cases, save_report: Reports, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["judge", save_report("a", make_case()), "--slo", "ttft.avg <= baseline + 10 %"]) == 0
    output = capsys.readouterr().out
    assert row_of(output, "ttft.avg <= baseline + 10 %")[-1] == "no baseline"
    assert "pass --baseline NAME" in output


def test_baselines_are_looked_for_in_the_folders_above(
    make_case: Cases,
    save_report: Reports,
    save_runs: Callable[..., None],
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    save_runs("main", make_case())
    report = here / save_report("a", make_case())
    (here / "below").mkdir()
    monkeypatch.chdir(here / "below")

    assert main(["judge", str(report), "--baseline", "main"]) == 0


def test_a_baseline_that_is_not_there_is_a_wrong_argument(
    make_case: Cases, save_report: Reports, capsys: pytest.CaptureFixture[str]
) -> None:
    error = refused(capsys, "judge", save_report("a", make_case()), "--baseline", "main")
    assert "there is no baseline in" in error


def test_the_other_side_of_a_pair_is_what_b_is_compared_with(
    make_case: Cases, make_load: Loads, save_report: Reports, capsys: pytest.CaptureFixture[str]
) -> None:
    a = make_case(name="chat@A")
    b = make_case(trace=make_load(ttft=300.0, seed=1))
    report = save_report("ab", b, a)

    assert main(["judge", report, "--slo", "ttft.avg <= baseline + 10 %"]) == 1
    output = capsys.readouterr().out
    assert output.endswith("1 case judged, 1 failed: chat\n")
    assert main(["judge", report, "--slo", "ttft.avg <= baseline + 90 %"]) == 0


def test_no_text_of_a_report_reaches_the_terminal_as_a_command(
    make_case: Cases, save_report: Reports, capsys: pytest.CaptureFixture[str]
) -> None:
    report = save_report("a", make_case(name="\x1b[31mred", not_measured="\x1b]0;title\x07"))

    assert main(["judge", report]) == 1
    output = capsys.readouterr().out
    assert "\x1b" not in output
    assert "\\x1b[31mred" in output


def test_what_is_no_report_is_a_wrong_argument(
    save_report: Reports, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "there is no report gone" in refused(capsys, "judge", "gone")
    assert "has no case: the run ended before it measured one" in refused(capsys, "judge", save_report("a"))
    (here / "a" / "summary.json").write_text("{}")
    assert "the report is damaged" in refused(capsys, "judge", "a")
