from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_npuperf.capacity import Step


@pytest.fixture(scope="session")
def make_step() -> Callable[..., Step]:
    """Makes a step from its load and other fields."""

    def make(load: float, **fields: Any) -> Step:
        values: dict[str, Any] = {
            "kept": None,
            "ended_early": "",
            "client_bound": False,
            "requests": 200,
            "failed_requests": 0,
            "ttft_p50": 0.05,
            "ttft_p99": 0.1,
            "tpot_p50": 0.01,
            "tpot_p99": 0.02,
            "e2el_p99": 2.0,
            "output_token_throughput": 400.0,
            "request_throughput": 4.0,
        }
        return Step(load=load, **{**values, **fields})

    return make
