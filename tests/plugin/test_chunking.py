"""Servers whose first event, or whose chunks, are not a token each: the metrics are right all the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

NS = 1e-9
TOKENS = 40
REQUESTS = 12
# wide: other work may run on the machine; what is looked for is far larger
TOLERANCE = 0.01

CASE = f"""
cases:
  - name: chunking
    dataset: {{synthetic: {{input_tokens: 20, output_tokens: {TOKENS}}}}}
    load: {{concurrency: 4}}
    requests: {REQUESTS}
    warmup: 0
"""

Measured = tuple[list[dict[str, Any]], dict[str, dict[str, Any]], dict[str, Any]]


@pytest.fixture
def measure(
    pytester: pytest.Pytester,
    simulate: Callable[..., Any],
    report_of: Callable[[pytest.Pytester], Path],
    summary_of: Callable[[pytest.Pytester], dict[str, Any]],
) -> Callable[..., Measured]:
    """Measures a simulator: the requests in detail, the true ones by id, and the figures of the case."""

    def run(*arguments: str) -> Measured:
        server = simulate(*arguments)
        pytester.makefile(".yaml", npuperf=CASE)
        pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}").assert_outcomes(passed=1)
        details = json.loads(next(report_of(pytester).rglob("chunking_details.json")).read_text())
        assert len(details) == REQUESTS
        true = {record["request_id"]: record for record in server.requests(stamps=True)}
        (case,) = summary_of(pytester)["cases"]
        return details, true, case["stages"]["total"]

    return run


def test_a_role_chunk_ahead_of_the_first_token_is_not_the_first_token(
    measure: Callable[..., Measured],
) -> None:
    details, true, figures = measure("--ttft", "200ms", "--itl", "10ms", "--role-lead", "150ms")

    for request in details:
        record = true[request["id"]]
        assert request["output_tokens"] == len(request["chunk_times"]) == len(record["stamps"]) == TOKENS
        # the role comes after 50 ms: what counts is never there before the token
        assert request["prefill_latency"] >= 0.2
    assert figures["ttft"]["median"] == pytest.approx(0.2, abs=TOLERANCE)
    assert figures["itl"]["n"] == REQUESTS * (TOKENS - 1)
    assert figures["itl"]["median"] == pytest.approx(0.01, abs=0.001)
    assert figures["tpot"]["median"] == pytest.approx(0.01, abs=0.001)
    assert figures["e2el"]["median"] == pytest.approx(0.2 + (TOKENS - 1) * 0.01, abs=TOLERANCE)


def test_with_four_tokens_in_a_chunk_tpot_goes_by_tokens_and_itl_by_chunks(
    measure: Callable[..., Measured],
) -> None:
    details, true, figures = measure("--ttft", "50ms", "--itl", "40ms", "--tokens-per-chunk", "4")

    chunks = TOKENS // 4
    decode = (chunks - 1) * 0.04
    ttft_errors, itl_errors = [], []
    for request in details:
        record = true[request["id"]]
        assert (request["output_tokens"], record["tokens"]) == (TOKENS, TOKENS)
        assert len(request["chunk_times"]) == len(record["stamps"]) == chunks
        ttft_errors.append(request["prefill_latency"] - (record["t_first"] - record["t_received"]) * NS)
        itl_errors.extend(np.diff(request["chunk_times"]) - np.diff(record["stamps"]) * NS)
    assert abs(np.median(ttft_errors)) < TOLERANCE
    assert abs(np.median(itl_errors)) < 0.001
    assert figures["itl"]["n"] == REQUESTS * (chunks - 1)
    assert figures["itl"]["median"] == pytest.approx(0.04, abs=0.001)
    assert figures["tpot"]["median"] == pytest.approx(decode / (TOKENS - 1), abs=0.001)
    assert figures["e2el"]["median"] == pytest.approx(0.05 + decode, abs=TOLERANCE)
    assert figures["total_output_tokens"] == REQUESTS * TOKENS
    assert figures["tpot"]["n"] == REQUESTS
