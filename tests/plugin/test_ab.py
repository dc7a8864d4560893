"""Two servers measured by turns."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.plugin.relative_case import CASE, FAST, SLOW


def test_one_server_beside_itself_keeps_its_budget(
    pytester: pytest.Pytester, simulate: Callable[..., Any], summary_of: Callable[..., Any]
) -> None:
    pytester.makefile(".yaml", npuperf=CASE)
    server = simulate(*FAST, "--prefix-cache")
    result = pytester.runpytest_subprocess(
        "--npuperf-ab", server.url, server.url, "--npuperf-client-health=warn"
    )
    result.assert_outcomes(passed=1)
    a, b = summary_of(pytester)["cases"]
    assert (a["name"], b["name"]) == ("chat@A", "chat")
    assert a["stages"]["total"]["total_requests"] == b["stages"]["total"]["total_requests"] == 3 * 64
    assert [verdict["expression"] for verdict in a["verdicts"]] == ["failed_requests == 0"]
    assert b["verdicts"][0]["outcome"] == "pass"
    assert a["suspect"] == b["suspect"] == [], "no prompt is sent twice"


def test_a_slower_b_is_caught(
    pytester: pytest.Pytester, simulate: Callable[..., Any], report_of: Callable[..., Any]
) -> None:
    pytester.makefile(".yaml", npuperf=CASE)
    a, b = simulate(*FAST), simulate(*SLOW)
    result = pytester.runpytest_subprocess("--npuperf-ab", a.url, b.url, "--npuperf-client-health=warn")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*broken: ttft.avg <= baseline + 20 %*",
            f"*--npuperf-ab {a.url} {b.url}*",
            "PASSED  chat-A *",
            "FAILED  chat *",
            "Performance Results of task: *chat-A:",
            "chat: B beside A, 3 pairs",
            "ttft.avg * +*% * worse",
        ]
    )
    page = (report_of(pytester) / "report.html").read_text(encoding="utf-8")
    assert "1 of 2 cases failed" in page
    assert "chat@A</b> is A: 3 pairs" in page
    assert f"<dt>A</dt><dd>{a.url}</dd></div><div><dt>B</dt><dd>{b.url}</dd>" in page


@pytest.mark.parametrize(
    ("flaw", "reason"),
    [
        (("--fail-every", "2"), "*failed_requests == 0*FAIL*"),
        (("--answer-model", "other"), "*vacuous:*other*"),
    ],
)
def test_an_a_that_proves_nothing_fails_the_test(
    pytester: pytest.Pytester, simulate: Callable[..., Any], flaw: tuple[str, str], reason: str
) -> None:
    pytester.makefile(".yaml", npuperf=CASE.replace("ttft.avg <= baseline + 20 %", "ttft.avg < 1 s"))
    a, b = simulate(*FAST, *flaw), simulate(*FAST)
    result = pytester.runpytest_subprocess("--npuperf-ab", a.url, b.url, "--npuperf-client-health=warn")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([reason])


def test_a_search_has_no_pairs(pytester: pytest.Pytester, simulate: Callable[..., Any]) -> None:
    pytester.makefile(".yaml", npuperf="cases: [{name: chat, sweep: {concurrency: [1, 2]}, requests: 4}]")
    server = simulate(*FAST)
    result = pytester.runpytest_subprocess("--npuperf-ab", server.url, server.url)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*chat: a search or a sweep cannot be measured by turns*"])


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("http://127.0.0.1:1", "nowhere"), "*'nowhere' is no server: give http://host:port, or the folder*"),
        (("http://127.0.0.1:1", "ftp://x"), "*'ftp://x' is not valid*"),
        (
            ("http://127.0.0.1:1", "http://127.0.0.1:2", "--npuperf-base-url=http://127.0.0.1:3"),
            "*leave out --npuperf-base-url*",
        ),
    ],
)
def test_what_is_no_pair_of_servers_is_refused(
    pytester: pytest.Pytester, arguments: tuple[str, ...], complaint: str
) -> None:
    result = pytester.runpytest_subprocess("--npuperf-ab", *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([complaint])


def test_adapters_take_turns_on_one_port(pytester: pytest.Pytester, summary_of: Callable[..., Any]) -> None:
    pytester.makefile(".yaml", npuperf=CASE)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for name, options in (("a", FAST), ("b", SLOW)):
        (pytester.mkdir(name) / "deploy.sh").write_text(
            f'exec {sys.executable} -m pytest_npuperf.cli simulate --port {port} --model "$MODEL_PATH" '
            f"{' '.join(options)}\n"
        )
    (pytester.mkdir("weights") / "model.bin").write_bytes(b"weights")
    result = pytester.runpytest_subprocess(
        "--npuperf-ab",
        "a",
        "b",
        "--npuperf-model=weights",
        f"--npuperf-port={port}",
        "--npuperf-client-health=warn",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*broken: ttft.avg <= baseline + 20 %*"])
    assert [case["name"] for case in summary_of(pytester)["cases"]] == ["chat@A", "chat"]
