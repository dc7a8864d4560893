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
    return page_html(replace(record, outcomes=outcomes or {}), files, single_file=single_file).decode()


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
    assert links == ["#verdict-1", "#verdict-2", "#case-1", "#case-2"]
    assert {tag.attributes["id"] for tag in tags if "id" in tag.attributes} >= {link[1:] for link in links}


def test_where_two_servers_were_measured_both_addresses_are_told(
    record: RunRecord, read_html: Callable[[str], Any]
) -> None:
    settings = {"ab": {"value": ("http://one:8000", "http://two:8000"), "source": "option"}}
    tags = read_html(page(replace(record, settings=settings)))
    facts = [tag.text for tag in tags if tag.name in ("dt", "dd")]
    place = facts.index("A")
    assert facts[place : place + 4] == ["A", "http://one:8000", "B", "http://two:8000"]


def test_a_case_has_both_tables_its_figures_and_its_client(
    record: RunRecord, read_html: Callable[[str], Any]
) -> None:
    tags = read_html(page(replace(record, results=record.results[:1])))
    titles = [tag.text for tag in tags if tag.name == "h3"]
    blocks = ["Performance parameters", "Common metrics", "Latency, and the load over time", "The client"]
    assert titles[1:5] == blocks
    cells = [tag.text for tag in tags if tag.name in ("th", "td")]
    assert {"OutputTokenThroughput", "Prefill Token Throughput", "Total generated tokens"} <= set(cells)
    figures = [tag.text for tag in tags if tag.name == "h4"]
    assert figures == ["TTFT", "TPOT", "ITL", "E2EL", "Output token rate", "Concurrency"]


def test_a_case_says_what_was_sent_and_when(
    make_result: Callable[..., CaseResult],
    make_record: Callable[..., RunRecord],
    read_html: Callable[[str], Any],
) -> None:
    settings = {
        "dataset": {"synthetic": {"input_tokens": 256, "output_tokens": 32}},
        "load": {"concurrency": 4},
    }
    tags = read_html(page(make_record(make_result(settings=settings, prompts_hash="0a1b"))))
    load = next(tag for tag in tags if tag.attributes.get("class") == "load")
    assert load.text == (
        "Sentsynthetic prompts of 256 tokens · answers of 32 tokens · prompts 0a1b"
        "Loadclosed loop, concurrency 4 · 4 warmup requests"
        "Counted10 input tokens, 2 output tokens on average"
    )


@pytest.mark.parametrize(("stages", "rows"), [(1, [5, 5, 3]), (2, [7, 6]), (3, [13])])
def test_common_metrics_are_laid_out_side_by_side_where_there_is_room(
    stages: int,
    rows: list[int],
    make_result: Callable[..., CaseResult],
    make_record: Callable[..., RunRecord],
    load_trace: Callable[..., Trace],
) -> None:
    trace = load_trace(20)
    names = ("steady", "turn 1")[: stages - 1]
    others = tuple(summarize(trace, max_concurrency=2, stage=name) for name in names)
    result = make_result("chat", trace, stages=others)
    html = page(make_record(result))
    tables = re.findall(r'aria-label="Common metrics.*?<tbody>(.*?)</tbody>', html)
    assert [table.count("<tr>") for table in tables] == rows
    assert [table.count("<td>") for table in tables] == [stages * count for count in rows]


def test_gaps_of_nothing_are_explained_where_there_are_any(
    make_result: Callable[..., CaseResult],
    make_record: Callable[..., RunRecord],
    build_trace: Callable[..., Trace],
) -> None:
    note = "ITL of 0 ms: chunks that came in one read have one stamp."
    burst = build_trace({"sent": 0, "chunks": [5, 5, 8], "end": 9})
    assert note in page(make_record(make_result("chat", burst)))
    assert note not in page(make_record(make_result("chat")))


def test_everything_is_said_once(
    make_result: Callable[..., CaseResult],
    make_record: Callable[..., RunRecord],
    healthy: ClientHealth,
    read_html: Callable[[str], Any],
) -> None:
    health = replace(healthy, state="invalid", reasons=("99.0% of a processor",), cpu_share=0.99)
    result = make_result(health=health, not_measured="not measured: client-bound: 99.0% of a processor.")

    def marks(shown: CaseResult) -> list[str]:
        tags = read_html(page(make_record(shown)))
        listed = next(tag for tag in tags if tag.attributes.get("class") == "marks")
        start = tags.index(listed)
        return [tag.text for tag in tags[start:] if tag.name == "li" and tag.text in listed.text]

    assert marks(result) == ["Not measured: client-bound: 99.0% of a processor."]
    assert marks(replace(result, not_measured="")) == ["CLIENT invalid: 99.0% of a processor"]
    _, _, case = page(make_record(result)).partition('id="case-1"')
    assert case.count("99.0% of a processor") == 1
    assert case.count("http_status") == 2  # its kind, and the first of them


def test_the_facts_of_the_run_stand_at_the_top(record: RunRecord, read_html: Callable[[str], Any]) -> None:
    record = replace(
        record,
        started="2026-03-26T20:22:00.123+08:00",
        server={"base_url": "http://127.0.0.1:8000", "model": "m", "version": "vLLM 0.9"},
    )
    tags = read_html(page(record))
    names, values = ([tag.text for tag in tags if tag.name == name] for name in ("dt", "dd"))
    facts = dict(zip(names, values, strict=True))
    assert "Commit" not in facts
    assert (
        facts.items()
        >= {
            "Model": "m",
            "Server": "vLLM 0.9",
            "Started": "2026-03-26 20:22:00+08:00",
            "Took": "24 s",
            "Seed": "7",
            "Run": record.run_id,
        }.items()
    )


def test_the_commands_that_repeat_it(record: RunRecord, read_html: Callable[[str], Any]) -> None:
    tags = read_html(page(record))
    assert [tag.text for tag in tags if tag.name == "pre"] == [
        "pytest npuperf.yaml::chat npuperf.yaml::burst",
        "pytest npuperf.yaml::chat",
        "pytest npuperf.yaml::burst",
    ]
    assert "to be run in the rootdir of pytest" in [tag.text for tag in tags if tag.name == "p"]
    cells = [tag.text for tag in tags if tag.name in ("th", "td")]
    assert cells[cells.index("command") + 1] == "pytest -k 'a b'"


def test_the_command_of_the_run_says_where_and_at_which_commit(
    record: RunRecord, read_html: Callable[[str], Any]
) -> None:
    git = {"commit": "3fa1", "dirty": True}
    record = replace(record, environment={"rootdir": "/adapter", "git": git})
    texts = [tag.text for tag in read_html(page(record)) if tag.name == "p"]
    assert "to be run in /adapter, at commit 3fa1 with changes that are not committed" in texts


def test_the_page_links_the_files_of_its_cases_unless_it_stands_alone(
    record: RunRecord, read_html: Callable[[str], Any]
) -> None:
    def outside(single_file: bool) -> list[str]:
        tags = read_html(page(record, single_file=single_file))
        return [
            t.attributes["href"] for t in tags if t.name == "a" and not t.attributes["href"].startswith("#")
        ]

    of_the_run = [f"configs/{name}.json" for name in ("settings", "cases", "environment", "server")]
    expected = [*FILES.values(), *of_the_run, "logs/", "summary.json"]
    assert sorted(set(outside(single_file=False))) == sorted(expected)
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
    folded = [tag for tag in tags if tag.name == "details" and tag.attributes.get("class") != "reading"]
    assert len([tag for tag in tags if tag.name == "figure"]) == len(folded)
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
        single_file=False,
    ).decode()
    expected = page_html(plain, [{"plot": "plain"}], single_file=False).decode()
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
        outcomes={f"npuperf.yaml::{text}": "failed", f"{text}::{text}": "error"},
        failures={f"npuperf.yaml::{text}": text, f"{text}::{text}": text},
    )


def test_a_run_without_a_case(make_record: Callable[..., RunRecord], read_html: Callable[[str], Any]) -> None:
    tags = read_html(page(make_record(stopped=True)))
    assert next(tag.text for tag in tags if tag.name == "h1") == "!No case was measured"
    assert "The run was stopped before its end." in [tag.text for tag in tags if tag.name == "p"]


def test_a_run_whose_only_case_failed_before_the_load(
    make_record: Callable[..., RunRecord], read_html: Callable[[str], Any]
) -> None:
    nodeid = "npuperf.yaml::chat"
    record = make_record(outcomes={nodeid: "error"}, failures={nodeid: "deploy.sh ended with 1"})
    tags = read_html(page(record, outcomes={nodeid: "error"}))
    (heading,) = [tag.text for tag in tags if tag.name == "h1"]
    assert heading == "✕chat ended in an error: nothing was measured"
    assert "deploy.sh ended with 1" in [tag.text for tag in tags if tag.name == "p"]


def test_a_case_without_an_answer(
    make_result: Callable[..., CaseResult],
    make_record: Callable[..., RunRecord],
    build_trace: Callable[..., Trace],
) -> None:
    failed = build_trace({"sent": 0, "end": 5, "error": "connect"})
    for trace in (failed, build_trace()):
        assert "there is no latency to draw" in page(
            make_record(make_result("chat", trace, "ttft.p99 < 5 ms"))
        )


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
