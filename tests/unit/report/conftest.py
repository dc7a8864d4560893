from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pytest_npuperf.metrics import ClientHealth, summarize
from pytest_npuperf.result import CaseResult, RunRecord
from pytest_npuperf.slo import parse_budget
from pytest_npuperf.trace import Trace


@pytest.fixture(scope="session")
def two_good_one_failed(build_trace: Callable[..., Trace]) -> Trace:
    """Two whole answers side by side and one request that got a bad status; sent from 1,000 ms on."""
    return build_trace(
        {"sent": 1000, "chunks": [1050, 1060, 1070], "end": 1070.5},
        {"sent": 1010, "end": 1030, "error": "http_status"},
        {"sent": 1020, "chunks": [1080.1234567], "end": 1090},
    )


@pytest.fixture(scope="session")
def make_result(two_good_one_failed: Trace, healthy: ClientHealth) -> Callable[..., CaseResult]:
    """Makes the result of a case from its name, trace, budgets and other fields."""

    def make(
        name: str = "chat",
        trace: Trace = two_good_one_failed,
        *budgets: str,
        confirmations: int = 0,
        **fields: Any,
    ) -> CaseResult:
        summary = summarize(trace, max_concurrency=2)
        values = {
            "nodeid": f"npuperf.yaml::{name}",
            "settings": {"requests": len(trace)},
            "started": "2026-03-26T20:22:04+08:00",
            "stopped": False,
            "health": healthy,
            "steady_rows": np.arange(len(trace)) if fields.get("stages") else None,
        }
        result = CaseResult(name=name, trace=trace, summary=summary, **{**values, **fields})
        if confirmations:
            result = replace(result, measurements=(result,) * (confirmations + 1))
        result.judge([parse_budget(budget) for budget in budgets])
        return result

    return make


@pytest.fixture(scope="session")
def make_record() -> Callable[..., RunRecord]:
    """Makes the record of a run from its results and other fields."""

    def make(*results: CaseResult, **fields: Any) -> RunRecord:
        values = {
            "run_id": "ee9480acbbac4d4aa190a124d5ddf39c",
            "abbr": "vllm-api-stream-chat",
            "started": "2026-03-26T20:22:00+08:00",
            "finished": "2026-03-26T20:22:24+08:00",
            "stopped": False,
            "settings": {"port": {"value": 8000, "source": "default"}},
            "environment": {"python": "3.11.9"},
            "server": {"base_url": "http://127.0.0.1:8000"},
        }
        return RunRecord(results=results, **{**values, **fields})

    return make
