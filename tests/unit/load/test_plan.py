from __future__ import annotations

from collections.abc import Callable

from pytest_npuperf.load.plan import LoadPlan


def test_requests_are_told_apart_by_their_ids(make_plan: Callable[..., LoadPlan]) -> None:
    plan = make_plan(requests=2)

    assert [plan.request_id(number) for number in range(2)] == ["test-0", "test-1"]
