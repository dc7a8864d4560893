from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_npuperf.load.run import Progress
from pytest_npuperf.terminal import progress_text


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "chat: warming up"),
        ({"elapsed": 0.5, "sent": 2, "in_flight": 2}, "chat: 0/20 done, 0 failed, 2 in flight"),
        (
            {
                "elapsed": 10.0,
                "done": 12,
                "failed": 1,
                "in_flight": 4,
                "ttft": 0.0521,
                "output_token_throughput": 380.04,
                "time_left": 92.4,
            },
            "chat: 12/20 done, 1 failed, 4 in flight, TTFT 52.1 ms, 380.0 token/s, 1:32 left",
        ),
    ],
)
def test_the_live_line_says_how_far_a_load_is(
    changes: dict[str, Any], text: str, make_progress: Callable[..., Progress]
) -> None:
    assert progress_text("chat", make_progress(**changes)) == text
