from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_npuperf.capacity import End, Exploration
from pytest_npuperf.report.markdown import limited, markdown_summary
from pytest_npuperf.result import OTHER_SIDE, CaseResult, RunRecord
from pytest_npuperf.slo import Verdict, parse_budget
from pytest_npuperf.trace import Trace

Results = Callable[..., CaseResult]
Records = Callable[..., RunRecord]

REPORT = Path("reports", "ee9480acbbac4d4aa190a124d5ddf39c")


def _rows(text: str) -> list[list[str]]:
    """Cells as they are shown, without the rulers."""
    lines = [line for line in text.splitlines() if line.startswith("|") and "---" not in line]
    return [[html.unescape(cell.strip()) for cell in line.strip("|").split(" | ")] for line in lines]


@pytest.fixture(scope="module")
def clean(build_trace: Callable[..., Trace]) -> Trace:
    return build_trace({"sent": 0, "chunks": [50, 60, 70], "end": 70})


def test_figures_and_verdicts_of_every_case_are_tables(
    make_result: Results, make_record: Records, clean: Trace
) -> None:
    verdict = Verdict(
        budget=parse_budget("ttft.p99 < 500 ms"),
        measured=0.6123,
        n=200,
        outcome="fail",
        low=0.55,
        high=0.65,
        needed_n=299,
    )
    broken = make_result("chat[concurrency=4]", clean, verdicts=[verdict])
    record = make_record(broken, make_result("burst", clean))
    text = markdown_summary(replace(record, outcomes={broken.nodeid: "failed"}), REPORT)
    assert text.startswith("## Serving performance: 2 cases: 1 failed, 1 passed\n")
    assert _rows(text) == [
        ["case", "outcome", "TTFT P50", "TTFT P99", "TPOT P50", "output", "requests", "failed"],
        [
            "<code>chat[concurrency=4]</code>",
            "**failed**",
            r"50.0 ms\*",
            r"50.0 ms\*",
            r"10.0 ms\*",
            "42.8571 token/s",
            "1",
            "0",
        ],
        ["<code>burst</code>", "passed", *[r"50.0 ms\*"] * 2, r"10.0 ms\*", "42.8571 token/s", "1", "0"],
        ["case", "budget", "bound", "measured", "90 % interval", "n", "verdict"],
        [
            "<code>chat[concurrency=4]</code>",
            "<code>ttft.p99 < 500 ms</code>",
            "<code>< 500 ms</code>",
            "612.3 ms",
            "550 .. 650 ms",
            "200 (needs 299)",
            "**FAIL (unsupported)**",
        ],
    ]
    assert "\n\n\\* rests on too few requests for that percentile\n\n" in text


def test_a_percentile_of_enough_requests_has_no_star(
    make_result: Results, make_record: Records, load_trace: Callable[..., Trace]
) -> None:
    text = markdown_summary(make_record(make_result("chat", load_trace(300))), REPORT)
    assert r"\*" not in text
    assert _rows(text)[1][6] == "300"


def test_figures_of_the_successful_requests_say_so(make_result: Results, make_record: Records) -> None:
    (_, row) = _rows(markdown_summary(make_record(make_result()), REPORT))[:2]
    assert row[6:] == ["3; figures of 2 successful", "1"]


def test_a_seed_of_0_is_told(make_result: Results, make_record: Records) -> None:
    record = make_record(make_result(), environment={"seed": 0})
    assert "seed <code>0</code>, run" in markdown_summary(record, REPORT)


def test_a_sweep_says_how_it_ended(make_result: Results, make_record: Records) -> None:
    sweep = Exploration(axis="rate", search=None, steps=(), end=End("all_measured"))
    text = markdown_summary(make_record(make_result(exploration=sweep)), REPORT)
    assert "- <code>Sweep over rate: all loads measured</code>" in text


def test_a_failed_case_says_how_to_repeat_it(
    make_result: Results, make_record: Records, clean: Trace
) -> None:
    result = make_result("chat", clean, prompts_hash="3fa1")
    record = make_record(result, settings={"seed": {"value": 7, "source": "drawn"}})
    text = markdown_summary(replace(record, outcomes={result.nodeid: "failed"}), REPORT)
    assert (
        "<code>repeat it (prompts 3fa1):</code>\n\n```sh\npytest npuperf.yaml::chat --npuperf-seed=7\n```"
        in text
    )
    assert "repeat it" not in markdown_summary(record, REPORT)


def test_what_is_to_be_known_of_a_case_is_listed(
    make_result: Results, make_record: Records, clean: Trace
) -> None:
    verdict = Verdict(
        budget=parse_budget("ttft.p99 < 500 ms"), measured=None, n=0, outcome="inconclusive", reason="too few"
    )
    result = make_result("chat", clean, verdicts=[verdict], confirmations=1, aborted="the server is gone")
    text = markdown_summary(make_record(result), REPORT)
    assert "## Serving performance: 1 case: 1 inconclusive" in text
    assert html.unescape(text).count("### <code>chat</code>") == 1
    assert "- <code>ABORTED: the server is gone</code>" in text
    assert "- <code>Measured 2 times" in text
    assert "- <code>ttft.p99 &#60; 500 ms</code>: <code>too few</code>" in text


def test_where_the_report_lies_is_told(make_result: Results, make_record: Records, clean: Trace) -> None:
    record = make_record(make_result("chat", clean))
    text = markdown_summary(record, REPORT, artifacts="https://ci/1#artifacts")
    assert text.splitlines()[-1] == (
        f"Report: <code>{REPORT}/report.html</code>, its tables and plots in "
        "<code>performance/vllm-api-stream-chat</code>; [artifacts](https://ci/1#artifacts)"
    )


def test_a_run_that_measured_nothing_says_so(make_record: Records) -> None:
    text = markdown_summary(make_record(), REPORT)
    assert text.startswith("## Serving performance: no case was measured\n")


def test_what_failed_is_told_with_its_reason(
    make_result: Results, make_record: Records, clean: Trace
) -> None:
    result = make_result("chat", clean)
    outcomes = {result.nodeid: "failed", "npuperf.yaml::late": "error"}
    failures = {result.nodeid: "AssertionError: too|slow", "npuperf.yaml::late": "deploy.sh ended with 1"}
    text = markdown_summary(make_record(result, failures=failures, outcomes=outcomes), REPORT)
    assert text.startswith("## Serving performance: 2 cases: 1 error, 1 failed\n")
    assert "- failed: <code>AssertionError: too&#124;slow</code>" in text
    assert "- <code>npuperf.yaml::late</code>, **error**: <code>deploy.sh ended with 1</code>" in text
    alone = markdown_summary(make_record(failures={"b": "no such model"}, outcomes={"b": "error"}), REPORT)
    assert alone.startswith("## Serving performance: 1 case: 1 error; no case was measured\n")
    assert "no such model" in alone


def test_a_is_not_failed_by_what_b_did(make_result: Results, make_record: Records, clean: Trace) -> None:
    a, b = (make_result(name, clean, nodeid="chat", in_pairs=True) for name in (f"chat{OTHER_SIDE}", "chat"))
    text = markdown_summary(make_record(a, b, outcomes={"chat": "failed"}), REPORT)
    assert [row[:2] for row in _rows(text)[1:]] == [
        ["<code>chat@A</code>", "passed"],
        ["<code>chat</code>", "**failed**"],
    ]
    assert text.count("repeat it") == 1


def test_a_stopped_run_says_so(make_result: Results, make_record: Records, clean: Trace) -> None:
    record = make_record(make_result("chat", clean, stopped=True), stopped=True)
    text = markdown_summary(record, REPORT)
    assert text.startswith("## Serving performance: 1 case: 1 stopped; the run was stopped\n")


def test_text_from_outside_is_no_markup(
    make_result: Results, make_record: Records, two_good_one_failed: Trace
) -> None:
    hostile = "a|b`c`<script>alert(1)</script>\n# d\x1b[0m **e** ![f](http://g) @all"
    trace = replace(two_good_one_failed, error=("", hostile, ""), error_text=("", hostile, ""))
    budget = replace(parse_budget("ttft.p99 < 500 ms"), expression=hostile)
    verdict = Verdict(budget=budget, measured=1.0, n=1, outcome="fail", reason=hostile)
    result = make_result(hostile, trace, nodeid=hostile, verdicts=[verdict], aborted=hostile)
    record = make_record(result, abbr=hostile, server={"model": hostile, "version": hostile})
    text = markdown_summary(record, Path(hostile))
    assert all(line.isprintable() for line in text.splitlines())
    for markup in ("<script", "`c`", "**e**", "![f]", "http://g", "@all", "\n# d"):
        assert markup not in text
    assert [len(row) for row in _rows(text)] == [8, 8, 7, 7]


def test_a_summary_that_fits_is_left_alone() -> None:
    assert limited("größer\n", 9) == "größer\n"


@pytest.mark.parametrize("room", [200, 300, 500])
def test_a_summary_that_is_too_long_is_cut_at_a_line_and_says_so(room: int) -> None:
    text = "# head\n\n```sh\n" + "pytest größer\n" * 1000 + "```\n"
    cut = limited(text, room)
    assert len(cut.encode()) <= room
    lines = cut.splitlines()
    assert lines[-1].startswith("The summary was too long for this place and is cut here")
    assert set(lines[3:-3]) == {"pytest größer"}
    assert lines[-3:-1] == ["```", ""]


def test_where_not_even_the_note_has_room_nothing_is_added() -> None:
    assert limited("a" * 100, 50) == ""
