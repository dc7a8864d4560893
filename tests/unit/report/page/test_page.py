from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pytest_npuperf.errors import NoBaselineError
from pytest_npuperf.metrics import ClientHealth, summarize
from pytest_npuperf.report.page import page_html
from pytest_npuperf.result import CaseResult, RunRecord
from pytest_npuperf.slo import Judging, Reference, Verdict, parse_budget
from pytest_npuperf.trace import Trace

FILES = {
    "performance": "performance/model/chat.csv",
    "common": "performance/model/chat.json",
    "details": "performance/model/chat_details.json",
    "plot": "performance/model/chat_plot.html",
}
HOSTILE = (
    "<script>alert(1)</script>",
    "</script></style></title><img src=x onerror=alert(1)>",
    "\"><svg onload='alert(1)'>",
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "&lt;b&gt; {{title}} %s",
    "\x00\x1b[31m\r\n\u202e\ud800",
)


def page(record: RunRecord, *, single_file: bool = False, outcomes: dict[str, str] | None = None) -> str:
    files = [FILES] * len(record.results)
    return page_html(record, files, outcomes=outcomes or {}, single_file=single_file).decode()


@pytest.fixture
def record(
    make_result: Callable[..., CaseResult],
    make_record: Callable[..., RunRecord],
    load_trace: Callable[..., Trace],
) -> RunRecord:
    chat = make_result("chat", load_trace(100), "ttft.p50 < 10 ms")
    return make_record(
        chat, make_result("burst"), environment={"command": ["pytest", "-k", "a b"], "seed": 7}
    )


def test_the_verdict_comes_first_and_links_to_the_cases(
    record: RunRecord, read_html: Callable[[str], Any]
) -> None:
    tags = read_html(page(record, outcomes={record.results[0].nodeid: "failed"}))
    assert next(tag.text for tag in tags if tag.name == "h1") == "✕1 of 2 cases failed"
    headings = [tag.text for tag in tags if tag.name == "h2"]
    assert headings == ["Verdict", "chat", "burst", "Repeat it", "Environment"]
    links = [
        tag.attributes["href"] for tag in tags if tag.name == "a" and tag.attributes["href"].startswith("#")
    ]
    assert [f"#{tag.attributes['id']}" for tag in tags if tag.attributes.get("class") == "case"] == links


def test_a_case_has_both_tables_its_figures_and_its_client(
    record: RunRecord, read_html: Callable[[str], Any]
) -> None:
    tags = read_html(page(replace(record, results=record.results[:1])))
    titles = [tag.text for tag in tags if tag.name == "h3"]
    assert titles[1:6] == ["Performance parameters", "Common metrics", "Latency", "Over time", "The client"]
    cells = [tag.text for tag in tags if tag.name in ("th", "td")]
    assert {"OutputTokenThroughput", "Prefill Token Throughput", "Total generated tokens"} <= set(cells)
    figures = [tag.text for tag in tags if tag.name == "h4"]
    assert figures == ["TTFT", "TPOT", "ITL", "E2EL", "Output token rate", "Concurrency"]


def test_errors_stand_by_kind_with_the_first_of_each(
    make_result: Callable[..., CaseResult],
    make_record: Callable[..., RunRecord],
    build_trace: Callable[..., Trace],
    read_html: Callable[[str], Any],
) -> None:
    errors = ["", "timeout_total", "http_status", "http_status"]
    trace = build_trace(*({"sent": 0, "chunks": [5], "end": 9, "error": error} for error in errors))
    trace = replace(trace, error_text=("", "after 5 s", "<b>busy</b>", "later"))
    cells = [
        tag.text
        for tag in read_html(page(make_record(make_result("chat", trace))))
        if tag.name in ("th", "td")
    ]
    place = cells.index("The first one")
    assert cells[place + 1 : place + 9] == [
        *("http_status", "2", "50.0%", "<b>busy</b>"),
        *("timeout_total", "1", "25.0%", "after 5 s"),
    ]


def test_the_facts_of_the_run_stand_at_the_top(record: RunRecord, read_html: Callable[[str], Any]) -> None:
    record = replace(
        record,
        started="2026-03-26T20:22:00.123+08:00",
        server={"base_url": "http://127.0.0.1:8000", "model": "m", "version": "vLLM 0.9"},
    )
    tags = read_html(page(record))
    names, values = ([tag.text for tag in tags if tag.name == name] for name in ("dt", "dd"))
    assert dict(zip(names, values, strict=True)) == {
        "Model": "m",
        "Server": "vLLM 0.9",
        "Started": "2026-03-26 20:22:00+08:00",
        "Took": "24 s",
        "Seed": "7",
        "Run": record.run_id,
    }


def test_the_commands_that_repeat_it(record: RunRecord, read_html: Callable[[str], Any]) -> None:
    commands = [tag.text for tag in read_html(page(record)) if tag.name == "pre"]
    assert commands == ["pytest -k 'a b'", "pytest npuperf.yaml::chat", "pytest npuperf.yaml::burst"]


def test_the_page_links_the_files_of_its_cases_unless_it_stands_alone(
    record: RunRecord, read_html: Callable[[str], Any]
) -> None:
    def outside(single_file: bool) -> list[str]:
        tags = read_html(page(record, single_file=single_file))
        return [
            t.attributes["href"] for t in tags if t.name == "a" and not t.attributes["href"].startswith("#")
        ]

    assert sorted(set(outside(single_file=False))) == sorted(FILES.values())
    assert outside(single_file=True) == []


def test_the_page_needs_nothing_else_and_runs_only_its_own_script(record: RunRecord) -> None:
    html = page(record)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', html)
    assert policy is not None
    assert "default-src &#x27;none&#x27;" in policy[1]
    for tag in ("script", "style"):
        ((attributes, content),) = re.findall(rf"<{tag}([^>]*)>(.*?)</{tag}>", html, re.DOTALL)
        assert attributes == ""
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src &#x27;sha256-{digest}&#x27;" in policy[1]
    assert not re.search(
        r"\s(src|srcset|action|style|on\w+)=", re.sub(r"<(style|script)>.*?</\1>", "", html, flags=re.DOTALL)
    )
    assert not re.search(r"https?://(?!127\.0\.0\.1)", html)


def test_every_picture_has_words_and_every_table_a_name(
    record: RunRecord, read_html: Callable[[str], Any]
) -> None:
    tags = read_html(page(record))
    pictures = [tag.attributes for tag in tags if tag.name == "svg"]
    assert all(one.get("aria-label") or one.get("aria-hidden") == "true" for one in pictures)
    assert len([tag for tag in tags if tag.name == "figure"]) == len(
        [tag for tag in tags if tag.name == "details"]
    )
    frames = [tag.attributes for tag in tags if tag.attributes.get("class") == "scroll"]
    assert all(frame["aria-label"] and frame["tabindex"] == "0" for frame in frames)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_text_from_outside_is_text_on_the_page(
    hostile: str,
    make_result: Callable[..., CaseResult],
    make_record: Callable[..., RunRecord],
    healthy: ClientHealth,
    read_html: Callable[[str], Any],
) -> None:
    plain = _everywhere("plain", make_result, make_record, healthy)
    made = page_html(
        _everywhere(hostile, make_result, make_record, healthy),
        [{"plot": hostile}],
        outcomes={},
        single_file=False,
    ).decode()
    expected = page_html(plain, [{"plot": "plain"}], outcomes={}, single_file=False).decode()
    shape = [(tag.name, sorted(tag.attributes)) for tag in read_html(made)]
    assert shape == [(tag.name, sorted(tag.attributes)) for tag in read_html(expected)]
    assert made.count("plain") == 0
    assert not re.search("[\x00\x1b\r\u202e]", made)
    hrefs = [tag.attributes["href"] for tag in read_html(made) if tag.name == "a"]
    assert not any(":" in href for href in hrefs)


def _everywhere(
    text: str,
    make_result: Callable[..., CaseResult],
    make_record: Callable[..., RunRecord],
    healthy: ClientHealth,
) -> RunRecord:
    """A record that has the text wherever there may be text from outside."""
    trace: Trace = make_result().trace
    trace = replace(
        trace,
        request_id=(text,) * 3,
        error=("", text, ""),
        error_text=("", text, ""),
        model=(text,) * 3,
        text=(text,) * 3,
        finish_reason=(text,) * 3,
    )
    reference = Reference(text, (make_result().stage_runs()["total"],), mismatches=(text,))
    result = make_result(
        text,
        trace,
        nodeid=f"npuperf.yaml::{text}",
        prompts_hash=text,
        aborted=text,
        not_measured=text,
        no_steady=text,
        health=replace(healthy, state="suspect", reasons=(text,)),
        judging=Judging(reference=lambda _name, _stage: reference),
    )
    budget = replace(parse_budget("ttft.p99 < 5 ms"), expression=text)
    result.verdicts.append(
        Verdict(budget=budget, measured=0.05, n=2, outcome="fail", reason=text, mismatches=(text,))
    )
    return make_record(
        result,
        run_id=text,
        abbr=text,
        started=text,
        finished=text,
        settings={text: {"value": text, "source": text}, "slo": {"value": [text], "source": "option"}},
        environment={text: {text: text}, "command": ["pytest", text], "git": {"commit": text}, "seed": text},
        server={"model": text, "version": text, text: [text]},
    )


def test_a_run_without_a_case(make_record: Callable[..., RunRecord], read_html: Callable[[str], Any]) -> None:
    tags = read_html(page(make_record(stopped=True)))
    assert next(tag.text for tag in tags if tag.name == "h1") == "!No case was measured"
    assert "The run was stopped before its end." in [tag.text for tag in tags if tag.name == "p"]


def test_a_case_without_an_answer(
    make_result: Callable[..., CaseResult],
    make_record: Callable[..., RunRecord],
    build_trace: Callable[..., Trace],
) -> None:
    failed = build_trace({"sent": 0, "end": 5, "error": "connect"})
    for trace in (failed, build_trace()):
        assert "There is nothing to draw." in page(make_record(make_result("chat", trace, "ttft.p99 < 5 ms")))


def test_the_baseline_that_the_budgets_name_is_the_one_shown(
    make_result: Callable[..., CaseResult], make_record: Callable[..., RunRecord]
) -> None:
    run = make_result().stage_runs()["total"]
    budget = parse_budget("ttft.avg <= baseline(nightly) + 5 %")

    def find(name: str | None, stage: str) -> Reference:
        if (name, stage) != ("nightly", "total"):
            raise NoBaselineError("there is none")
        return Reference("nightly", (run,))

    result = make_result("chat", judging=Judging(reference=find))
    assert "Against the baseline" not in page(make_record(result))
    result.verdicts.append(
        Verdict(budget=budget, measured=0.05, n=2, outcome="pass", baseline=0.05, bound=0.06)
    )
    html = page(make_record(result))
    assert "Against the baseline" in html
    assert "baseline nightly" in html


def test_a_page_of_many_requests_is_small(
    make_result: Callable[..., CaseResult],
    make_record: Callable[..., RunRecord],
    load_trace: Callable[..., Trace],
) -> None:
    trace = load_trace(5000)
    stages = (summarize(trace, max_concurrency=2, stage="steady"),)
    result = make_result(
        "chat", trace, stages=stages, steady_rows=list(range(5000)), steady_window=(1.0, 40.0)
    )
    few, many = page(make_record(make_result("chat", load_trace(500)))), page(make_record(result))
    assert len(many) < 300_000
    assert len(many) < 4 * len(few)


def test_a_page_of_512_requests_takes_little_processor_time(
    make_result: Callable[..., CaseResult],
    make_record: Callable[..., RunRecord],
    load_trace: Callable[..., Trace],
) -> None:
    record = make_record(make_result("chat", load_trace(512)))
    page(record)
    before = time.process_time()
    page(record)
    assert time.process_time() - before < 0.3
