"""Loads that end before their last request: given up, or known well enough."""

from __future__ import annotations

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
