"""Loads that end before their last request: given up, or known well enough."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

ABORTED = """
cases:
  - name: broken
    dataset: {synthetic: {input_tokens: 20, output_tokens: 5}}
    requests: 5000
    abort: {failure_rate: 30 %}
    slo: failure_rate <= 100 %
"""
OVER_AT_ONCE = """
cases:
  - name: broken
    dataset: {synthetic: {input_tokens: 20, output_tokens: 5}}
    load: {concurrency: 30}
    requests: 30
    warmup: 0
    request: {extra_body: {unknown: 1}}  # which a strict server refuses
    abort: {ABORT}
    slo: failure_rate <= 100 %
"""
GONE = """
cases:
  - name: gone
    dataset: {synthetic: {input_tokens: 20, output_tokens: 5}}
    load: {concurrency: 4}
    requests: 400
    slo: failure_rate <= 100 %
"""
PRECISE = """
cases:
  - name: precise
    dataset: {synthetic: {input_tokens: 20, output_tokens: 5}}
    load: {concurrency: 4}
    requests: 100000
    until: {ttft.median: 20 %}
"""


def test_an_aborted_case_fails_and_keeps_what_was_measured(
    pytester: pytest.Pytester,
    simulate: Callable[..., Any],
    summary_of: Callable[[pytest.Pytester], dict[str, Any]],
) -> None:
    server = simulate("--ttft", "5ms", "--itl", "1ms", "--fail-every", "2")
    pytester.makefile(".yaml", npuperf=ABORTED)

    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*broken: aborted: * requests failed, more than 30.0%*"])
    (case,) = summary_of(pytester)["cases"]
    assert 10 <= case["stages"]["total"]["failed_requests"] < 2500


@pytest.mark.parametrize(
    ("abort", "options", "reason"),
    [
        ("failure_rate: 30 %", ["--fail-every", "2"], "* of * requests failed, more than 30.0%"),
        ("consecutive_failures: 20", ["--strict"], "30 requests in a row failed"),
    ],
)
def test_a_load_that_is_over_before_anybody_looks_is_judged_all_the_same(
    pytester: pytest.Pytester,
    simulate: Callable[..., Any],
    summary_of: Callable[[pytest.Pytester], dict[str, Any]],
    abort: str,
    options: list[str],
    reason: str,
) -> None:
    server = simulate("--ttft", "1ms", "--itl", "1ms", *options)
    pytester.makefile(".yaml", npuperf=OVER_AT_ONCE.replace("ABORT", abort))

    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}", "--npuperf-client-health=warn")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*broken: aborted: {reason}*"])
    (case,) = summary_of(pytester)["cases"]
    assert case["stages"]["total"]["total_requests"] == 30


def test_a_case_whose_server_dies_is_aborted(
    pytester: pytest.Pytester,
    simulate: Callable[..., Any],
    summary_of: Callable[[pytest.Pytester], dict[str, Any]],
    wait_for: Callable[[Callable[[], object]], None],
) -> None:
    server = simulate("--ttft", "10ms", "--itl", "2ms")
    pytester.makefile(".yaml", npuperf=GONE)

    def kill_on_the_way() -> None:
        wait_for(lambda: len(server.requests()) > 60)
        server.process.kill()

    killer = threading.Thread(target=kill_on_the_way)
    killer.start()
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}", "--npuperf-client-health=warn")
    killer.join()

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "gone: aborted: the server is gone: 1? connections in a row could not be opened",
            "*ABORTED: the server is gone: 1? connections in a row could not be opened",
        ]
    )
    (case,) = summary_of(pytester)["cases"]
    assert case["aborted"].startswith("the server is gone: ")
    assert case["stages"]["total"]["total_requests"] < 400


def test_a_load_ends_when_its_figure_is_known_exactly_enough(
    pytester: pytest.Pytester,
    simulate: Callable[..., Any],
    summary_of: Callable[[pytest.Pytester], dict[str, Any]],
) -> None:
    server = simulate("--ttft", "5ms", "--itl", "1ms", "--jitter", "0.2")
    pytester.makefile(".yaml", npuperf=PRECISE)

    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}", "--npuperf-client-health=warn")

    result.assert_outcomes(passed=1)
    (case,) = summary_of(pytester)["cases"]
    assert 10 < case["stages"]["total"]["success_requests"] < 100_000
