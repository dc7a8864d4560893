from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from pytest_npuperf.metrics import summarize
from pytest_npuperf.trace import UNKNOWN, Trace


@pytest.fixture
def trace(build_trace: Callable[..., Trace]) -> Trace:
    """Chunks 10 ms and then 40 ms apart, the second request with one chunk."""
    return build_trace(
        {"sent": 0, "chunks": [100, 110, 150], "end": 160}, {"sent": 0, "chunks": [100], "end": 160}
    )


def test_a_gap_is_shared_out_among_the_tokens_of_the_later_chunk(trace: Trace) -> None:
    counted = replace(trace, chunk_tokens=np.array([1, 1, 4, 1]))
    summary = summarize(counted, max_concurrency=2)
    assert summary.itl_per_token.values.tolist() == [0.01] * 5
    assert summary.itl.values.tolist() == [0.01, 0.04]


def test_where_one_chunk_does_not_say_there_is_none(trace: Trace) -> None:
    partly = replace(trace, chunk_tokens=np.array([1, 1, UNKNOWN, 1]))
    assert summarize(partly, max_concurrency=2).itl_per_token.n == 0
