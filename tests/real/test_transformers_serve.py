"""Its streams end without ``[DONE]`` and carry usage on the finish chunk; its model list answers 500."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytestmark = pytest.mark.real_engine


def test_run_whose_budgets_are_kept_ends_with_success(transformers_run: Any) -> None:
    assert transformers_run.exit_code == 0
    assert set(transformers_run.outcomes) == {"chat[concurrency=1]", "chat[concurrency=4]"}


def test_server_that_lists_no_model_is_asked_for_the_weight_path(transformers_run: Any) -> None:
    server = json.loads((transformers_run.report / "configs" / "server.json").read_text())
    assert server["listed"] == []
    assert server["model"] == str(transformers_run.model)
