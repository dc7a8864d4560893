from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_npuperf.baselines import BaselineRun, fingerprint, save_baseline
from pytest_npuperf.metrics import ClientHealth, summarize
from pytest_npuperf.report import write_report
from pytest_npuperf.result import CaseResult, RunRecord
from pytest_npuperf.slo import parse_budget
from pytest_npuperf.trace import Trace

SERVER = {"asked_model": "/weights/qwen", "model": "qwen"}
ENVIRONMENT = {"machine": {"architecture": "aarch64", "processors": 192}}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the commands run in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


@pytest.fixture(scope="session")
def make_load(build_trace: Callable[..., Trace]) -> Callable[..., Trace]:
    """Makes a load of n requests, one after the other, with a TTFT about so many ms."""

    def make(n: int = 100, ttft: float = 200.0, *, failed: int = 0, seed: int = 0) -> Trace:
        rows = []
        sent = 0.0
        for i, drawn in enumerate(ttft * np.random.default_rng(seed).lognormal(sigma=0.1, size=n)):
            first = sent + float(drawn)
            row: dict[str, Any] = {"sent": sent, "chunks": [first, first + 10, first + 20], "end": first + 21}
            rows.append(row if i >= failed else {"sent": sent, "end": first, "error": "http_status"})
            sent = first + 22
        return build_trace(*rows)

    return make


@pytest.fixture(scope="session")
def make_case(make_load: Callable[..., Trace], healthy: ClientHealth) -> Callable[..., CaseResult]:
    """Makes the result of a case with verdicts on its budgets; other fields are those of CaseResult."""

    def make(*budgets: str, name: str = "chat", trace: Trace | None = None, **fields: Any) -> CaseResult:
        trace = make_load() if trace is None else trace
        values: dict[str, Any] = {
            "nodeid": f"npuperf.yaml::{name}",
            "settings": {"name": name, "requests": 100, "load": {"concurrency": 1, "think_time": 0.0}},
            "started": "2026-03-26T20:22:04+08:00",
            "stopped": False,
            "health": healthy,
        }
        summary = summarize(trace, max_concurrency=1)
        result = CaseResult(name=name, trace=trace, summary=summary, **{**values, **fields})
        result.judge([parse_budget(budget) for budget in budgets])
        return result

    return make


@pytest.fixture
def save_report(here: Path) -> Callable[..., str]:
    """Writes a report of results and returns its folder."""

    def save(folder: str, *results: CaseResult, **fields: Any) -> str:
        values: dict[str, Any] = {
            "run_id": folder,
            "abbr": "vllm-api-stream-chat",
            "started": "2026-03-26T20:22:00+08:00",
            "finished": "2026-03-26T20:22:24+08:00",
            "stopped": False,
            "settings": {},
            "environment": ENVIRONMENT,
            "server": SERVER,
        }
        write_report(here / folder, RunRecord(results=results, **{**values, **fields}))
        return folder

    return save


@pytest.fixture
def save_runs(here: Path) -> Callable[..., None]:
    """Saves each of the results as a run of a baseline."""

    def save(name: str, *results: CaseResult) -> None:
        for result in results:
            run = BaselineRun(
                case=result.name,
                node=result.nodeid,
                stage="total",
                started=result.started,
                fingerprint=fingerprint(ENVIRONMENT, SERVER, result.settings),
                measured=result.stage_runs()["total"],
            )
            save_baseline(here / ".npuperf" / "baselines", name, run)

    return save
