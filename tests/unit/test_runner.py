from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_npuperf.case import Abort
from pytest_npuperf.load.run import Progress
from pytest_npuperf.runner import abort_reason


@pytest.mark.parametrize(
    ("abort", "changes", "reason"),
    [
        (Abort(), {"refused_in_a_row": 9, "failed_in_a_row": 50, "peak_done": 50, "peak_failed": 50}, ""),
        (
            Abort(),
            {"refused_in_a_row": 10},
            "the server is gone: 10 connections in a row could not be opened",
        ),
        (Abort(server_gone=0), {"refused_in_a_row": 1000}, ""),
        (Abort(consecutive_failures=5), {"failed_in_a_row": 4}, ""),
        (Abort(consecutive_failures=5), {"failed_in_a_row": 5}, "5 requests in a row failed"),
        (Abort(failure_rate=0.5), {"done": 19, "failed": 19}, ""),
        (Abort(failure_rate=0.0), {"peak_done": 20, "peak_failed": 0}, ""),
        (Abort(failure_rate=0.5), {"peak_done": 20, "peak_failed": 10}, ""),
        (
            Abort(failure_rate=0.5),
            {"done": 400, "failed": 11, "peak_done": 20, "peak_failed": 11},
            "11 of 20 requests failed, more than 50.0%",
        ),
    ],
)
def test_a_load_is_given_up_by_the_rules_of_its_case(
    abort: Abort, changes: dict[str, int], reason: str, make_progress: Callable[..., Progress]
) -> None:
    assert abort_reason(abort, make_progress(**changes)) == reason
