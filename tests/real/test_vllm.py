from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.real_engine


def test_broken_budget_fails_its_case_alone(vllm_run: Any) -> None:
    assert vllm_run.exit_code == 1
    assert [name for name, failure in vllm_run.outcomes.items() if failure] == ["too-tight"]


def test_failure_in_junit_is_the_table_of_the_budget(vllm_run: Any) -> None:
    failure = vllm_run.outcomes["too-tight"]
    assert ["budget", "measured", "90", "%", "interval", "n", "verdict"] in [
        line.split() for line in failure.splitlines()
    ]
    (row,) = (line for line in failure.splitlines() if line.startswith("ttft.p99 < 1 us "))
    assert row.endswith("FAIL (unsupported)")
    assert "Traceback" not in failure
