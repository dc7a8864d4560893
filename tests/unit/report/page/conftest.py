from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pytest_npuperf.trace import Trace


@pytest.fixture(scope="session")
def load_trace(build_trace: Callable[..., Trace]) -> Callable[..., Trace]:
    """Makes a trace of so many requests of 8 chunks, one every 10 ms."""

    def make(requests: int, **fields: Any) -> Trace:
        rng = np.random.default_rng(7)
        rows = []
        for number in range(requests):
            sent = 10.0 * number
            first = sent + 50 + rng.gamma(2, 5)
            chunks = [first, *(first + np.cumsum(rng.gamma(20, 0.5, 7)))]
            rows.append({"sent": sent, "chunks": chunks, "end": chunks[-1] + 0.5, **fields})
        return build_trace(*rows)

    return make
