"""Text as it may come from outside to do harm, and results that have it wherever there may be such text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_npuperf.capacity import End, Exploration, Search, Step
from pytest_npuperf.metrics import ClientHealth
from pytest_npuperf.result import CaseResult, RunRecord
from pytest_npuperf.slo import Budget, Judging, Reference, Verdict, parse_budget
from pytest_npuperf.slo.budget import Relative

HARMLESS = "plain"

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "script end": '</script></style></title></textarea><img src=x onerror="alert(1)">',
    "attribute": "\"><svg onload='alert(1)'>",
    "single quote": "' onmouseover='alert(1)",
    "comment": "--><!-- a -->",
    "cdata": "]]><![CDATA[<b>]]>",
    "entities": "&lt;b&gt; &#60;i&#62; &amp",
    "templates": "{{title}} ${alert(1)} %s {0} \\u003cb\\u003e",
    "javascript": "javascript:alert(1)",
    "link": "[a](javascript:alert(1)) [b]: http://g.example [b]",
    "image": "![a](http://g.example/x.png) http://g.example www.g.example a@g.example",
    "mention": "@all #1 !2 ~bug &3 GH-4 :tada:",
    "emphasis": "**a** __b__ *c* _d_ ~~e~~ $f$",
    "table": "a | b || c \\| d",
    "backticks": "`a` ``b`` ```",
    "fence": "\n```\n# heading\n<b>\n~~~\n",
    "blocks": "\n\n# heading\n- item\n> quote\n---\n1. one\n<details>",
    "csi": "\x1b[31mred\x1b[2J\x1b[1;1H\x1b[0m",
    "osc": "\x1b]0;title\x07 \x1b]8;;http://g.example\x1b\\click\x1b]8;;\x1b\\ \x1bP+q\x1b\\",
    "c1": "\x9b31m \x9d0;title\x9c \x90x\x9c \x85",
    "line ends": "a\r\nb\rc\nd\x0b\x0ce",
    "backspace": "good\x08\x08\x08\x08evil\x7f\x07",
    "bidi": "a\u202egnp.exe \u2066b\u2069 \u200f\u061c",
    "zero width": "a\u200bb\u200d\ufeff\u2060\u00ad c\u00a0d",
    "nul": "a\x00b\x00",
    "surrogates": "a\ud800b\udfff",
    "undecodable": "a\udcffb",
    "separators": "a\u2028b\u2029c",
    "noncharacters": "\x01\x1f\ufffe\uffff",
    "formula": "=cmd|' /C calc'!A0",
    "plus": "+1+cmd|' /C calc'!A0",
    "minus": "-2+3+cmd|' /C calc'!A0",
    "at": "@SUM(1+1)*cmd|' /C calc'!A0",
    "tab": "\t=1+1",
    "fullwidth": "\uff1d1\uff0b1",
    "spaces": "  =1+1",
    "cells": 'a,b;c"d"\t"e"\n=1',
    "command": "::error::x",
    "commands": "\n::set-env name=a::b\n  ::stop-commands::x\n",
    "old command": "a ##[error]x ##[add-mask]y ##vso[task.setvariable variable=a]b ##teamcity[x]",
    "percent": "%0A::error::x%0D%0A ::warning file=a,line=1::%25",
    "section": "section_start:1:a[collapsed=true]\r\x1b[0Khead",
    "braces": 'a"} 1\nb{c="d"} 2\n# EOF\n',
    "backslash": 'a\\" \\n \\',
    "shell": "$(id) `id` ; id & | > f ' \" \\ !1 ~ * ? #",
    "path": "../../../etc/passwd\x00.html",
    "device": "CON",
    "empty words": " ",
    "long": "<b>" + "x" * 20_000,
}
ALL = " ".join(HOSTILE.values())
"""In one text, for what a run has only once."""

_COMMAND = re.compile(r"^\s*::|##\w*\[")


def assert_is_shown_safely(text: str) -> None:
    """Whether a terminal and the CI system that reads it show the lines as they are."""
    for line in text.split("\n"):
        assert line.isprintable(), f"{line!r} has control characters"
        assert not _COMMAND.search(line), f"{line!r} is a command of a CI system"


def hostile_case(
    text: str, make_result: Callable[..., CaseResult], healthy: ClientHealth, *, is_measured: bool = True
) -> CaseResult:
    """A case with the text wherever there may be text from outside.

    Args:
        text: It.
        make_result: The fixture.
        healthy: The fixture.
        is_measured: False for a case with the reason why its figures are not the server's.
    """
    plain = make_result()
    trace = replace(
        plain.trace,
        request_id=tuple(f"{text}{row}" for row in range(3)),
        error=("", text or "e", ""),
        error_text=(text,) * 3,
        model=(f"{text}m",) * 3,
        text=(text,) * 3,
        finish_reason=(text,) * 3,
    )
    reference = Reference(text, (plain.stage_runs()["total"],), mismatches=(text,))
    result = make_result(
        text,
        trace,
        nodeid=f"npuperf.yaml::{text}",
        settings={text: text, "nested": {text: [text]}},
        started=text,
        prompts_hash=text,
        aborted=text,
        not_measured="" if is_measured else text,
        no_steady=text,
        asked_models=("asked", text),
        listed_models=("listed", text),
        health=replace(healthy, state="suspect", reasons=(text, text)),
        location=(f"/repository/{text}/npuperf.yaml", 3),
        judging=Judging(reference=lambda _name, _stage: reference),
        exploration=_exploration(text),
    )
    result.verdicts.extend(_verdicts(text))
    return result


def hostile_record(
    text: str, results: Sequence[CaseResult], make_record: Callable[..., RunRecord]
) -> RunRecord:
    """A run with the text wherever there may be text from outside."""
    values: dict[str, Any] = {"value": text, "source": text}
    return make_record(
        *results,
        abbr=text,
        started=text,
        finished=text,
        settings={
            "model": values,
            "base_url": values,
            "slo": {"value": [text, text], "source": "option"},
            "ab": {"value": [text, f"http://user:word@host/{text}"], "source": "option"},
            "baselines": {"value": Path(text), "source": text},
        },
        environment={
            text: {text: text},
            "command": ["pytest", text],
            "git": {"commit": text, "dirty": text},
            "seed": text,
            "packages": {"vllm": text},
            "npu": {"npu_smi": text},
            "of hook": [text, {text: text}],
        },
        server={
            "base_url": text,
            "asked_model": text,
            "model": text,
            "version": text,
            "server": text,
            "listed": [text],
        },
    )


def _exploration(text: str) -> Exploration:
    budget = replace(parse_budget("ttft.p99 < 500 ms"), expression=text)
    step = Step(
        load=1,
        kept=True,
        ended_early="",
        client_bound=False,
        requests=3,
        failed_requests=1,
        ttft_p50=0.05,
        ttft_p99=0.06,
        tpot_p50=None,
        tpot_p99=None,
        e2el_p99=0.07,
        output_token_throughput=40.0,
        request_throughput=4.0,
    )
    search = Search("concurrency", (budget,))
    return Exploration(axis="concurrency", search=search, steps=(step,), end=End("highest_kept", 1))


def _verdicts(text: str) -> list[Verdict]:
    """One that fails, one that warns, one against a baseline."""
    absolute = replace(parse_budget("ttft.p99 < 5 ms"), expression=text)
    relative: Budget = replace(
        parse_budget("ttft.avg <= baseline + 5 %"), expression=text, relative=Relative(0.05, baseline=text)
    )
    return [
        Verdict(budget=absolute, measured=0.05, n=2, outcome="fail", reason=text, low=0.04, high=0.06),
        Verdict(budget=replace(absolute, advisory=True), measured=None, n=0, outcome="fail", reason=text),
        Verdict(
            budget=relative,
            measured=0.05,
            n=2,
            outcome="inconclusive",
            baseline=0.04,
            bound=0.042,
            mismatches=(text, text),
        ),
    ]
