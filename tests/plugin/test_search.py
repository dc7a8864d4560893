"""A search finds how many requests at a time a server bears; a sweep measures a curve."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

BATCH = 6
"""Requests that the server works on at a time; one more has to wait for about 40 ms on average."""


@pytest.fixture
def batching_server(simulate: Callable[..., Any]) -> Any:
    """An answer takes 20 ms to its first token and 220 ms in all, unless it has to wait for its turn."""
    return simulate("--ttft", "20ms", "--itl", "4ms", "--output-tokens", "50", "--max-batch", str(BATCH))


def write_case(pytester: pytest.Pytester, exploration: str) -> None:
    pytester.makefile(
        ".yaml",
        npuperf=f"""
        cases:
          - name: capacity
            dataset: {{synthetic: {{input_tokens: 8, output_tokens: 50}}}}
            requests: 20
            {exploration}
        """,
    )


def test_a_search_finds_the_batch_limit_of_the_server(
    pytester: pytest.Pytester, batching_server: Any, summary_of: Callable[..., dict[str, Any]]
) -> None:
    write_case(pytester, "search: {maximize: concurrency, while: [ttft.p99 < 45 ms], from: 4, to: 16}")
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={batching_server.url}")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["Capacity: concurrency * keeps ttft.p99 < 45 ms; concurrency * does not"])
    (case,) = summary_of(pytester)["cases"]
    found = case["exploration"]["found"]
    assert abs(found - BATCH) <= 1
    assert case["exploration"]["neighbour"] == found + 1
    assert case["name"] == "capacity"
    assert case["stages"]["total"]["max_concurrency"] == found
    assert case["stages"]["total"]["ttft"]["p99"] < 0.045
    loads = [step["load"] for step in case["exploration"]["steps"]]
    assert loads[:2] == [4, 8]
    assert loads.count(found) >= 2


def test_a_search_that_finds_no_load_fails(pytester: pytest.Pytester, batching_server: Any) -> None:
    write_case(pytester, "search: {maximize: concurrency, while: [ttft.p99 < 45 ms], from: 12, to: 16}")
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={batching_server.url}")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*capacity >= 12 (implied)*FAIL*",
            "*ttft.p99 < 45 ms*FAIL*",
            "Capacity: none, concurrency 12 does not keep ttft.p99 < 45 ms",
            "FAILED npuperf.yaml::capacity - broken: capacity >= 12 (measured -)*",
        ]
    )


def test_a_sweep_gives_the_curve_and_the_result_of_its_last_load(
    pytester: pytest.Pytester, batching_server: Any, summary_of: Callable[..., dict[str, Any]]
) -> None:
    write_case(pytester, "sweep: {concurrency: [2, 12]}")
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={batching_server.url}")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["Sweep over concurrency: all loads measured"])
    (case,) = summary_of(pytester)["cases"]
    few, many = case["exploration"]["steps"]
    assert (few["load"], many["load"]) == (2, 12)
    assert few["ttft_p50"] < many["ttft_p50"]
    assert few["output_token_throughput"] < many["output_token_throughput"]
    assert case["stages"]["total"]["max_concurrency"] == 12
