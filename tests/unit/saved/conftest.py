from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_npuperf.metrics import (
    ClientHealth,
    Steady,
    steady_stage,
    summarize,
    summarize_steady,
    turn_stages,
)
from pytest_npuperf.report import write_report
from pytest_npuperf.result import CaseResult, RunRecord
from pytest_npuperf.slo import parse_budget
from pytest_npuperf.trace import Trace

CONCURRENCY = 2


@pytest.fixture(scope="session")
def measured(healthy: ClientHealth) -> Callable[..., CaseResult]:
    """Makes a result of a trace as the runner does: with its stages, and verdicts on the given budgets."""

    def make(trace: Trace, *budgets: str, name: str = "chat", **fields: Any) -> CaseResult:
        steady = steady_stage(trace, max_concurrency=CONCURRENCY, open_loop=False)
        stages = turn_stages(trace, max_concurrency=CONCURRENCY)
        if isinstance(steady, Steady):
            stages = (summarize_steady(trace, steady, max_concurrency=CONCURRENCY), *stages)
        values: dict[str, Any] = {
            "name": name,
            "nodeid": f"npuperf.yaml::{name}",
            "settings": {
                "name": name,
                "load": {"concurrency": CONCURRENCY, "think_time": 0.0},
                "steady": True,
            },
            "started": "2026-03-26T20:22:04+08:00",
            "stopped": False,
            "health": healthy,
            "trace": trace,
            "summary": summarize(trace, max_concurrency=CONCURRENCY),
            "stages": stages,
            "steady_window": steady.window if isinstance(steady, Steady) else None,
            "steady_rows": steady.rows if isinstance(steady, Steady) else None,
            "no_steady": "" if isinstance(steady, Steady) else steady.reason,
        }
        result = CaseResult(**{**values, **fields})
        result.judge([parse_budget(budget) for budget in budgets])
        return result

    return make


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Writes the report of results and returns its folder."""

    def write(*results: CaseResult, **fields: Any) -> Path:
        values: dict[str, Any] = {
            "run_id": "ee9480acbbac4d4aa190a124d5ddf39c",
            "abbr": "vllm-api-stream-chat",
            "started": "2026-03-26T20:22:00+08:00",
            "finished": "2026-03-26T20:22:24+08:00",
            "stopped": False,
            "settings": {"port": {"value": 8000, "source": "default"}},
            "environment": {"python": "3.11.9", "machine": {"architecture": "aarch64", "processors": 192}},
            "server": {"base_url": "http://127.0.0.1:8000", "asked_model": "/weights/qwen", "model": "qwen"},
        }
        record = RunRecord(results=results, **{**values, **fields})
        directory = tmp_path / record.run_id
        write_report(directory, record)
        return directory

    return write


@pytest.fixture(scope="session")
def whole_load(build_trace: Callable[..., Trace]) -> Trace:
    """A load in which everything happens that a trace can hold; its moments are whole nanoseconds."""
    rows: list[dict[str, Any]] = []
    for i in range(40):
        sent = 1000 + i * 37.123457
        chunks = [sent + 20.000001 * (1 + i % 3) + 3.1415927 * k for k in range(1 + i % 7)]
        rows.append(
            {
                "sent": sent,
                "scheduled": sent - 5.5 * (i % 4),
                "chunks": chunks,
                "end": chunks[-1] + 50.000333,
                "input_tokens": 100 + i,
                "output_tokens": 3 * len(chunks),
                "cached_tokens": 4 * i if i % 2 else -1,
                "estimated": i == 7,
                "asked_input_tokens": 99 + i,
                "asked_output_tokens": 3 * len(chunks) + (i == 9),
                "turn": i % 2,
                "conversation": i // 2,
            }
        )
    rows[11] |= {"error": "http_status", "chunks": [], "output_tokens": -1, "input_tokens": -1}
    rows[12] |= {"error": "truncated"}
    rows[13] |= {"error": "cancelled"}
    rows[14] |= {"error": "connect", "chunks": [], "turn": -1, "conversation": -1}
    return build_trace(*rows)
