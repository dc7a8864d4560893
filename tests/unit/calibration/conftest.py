from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pytest_npuperf.calibration.step import Step
from pytest_npuperf.calibration.truth import Errors
from pytest_npuperf.metrics import ClientHealth, Sample


@pytest.fixture(scope="session")
def make_step(healthy: ClientHealth) -> Callable[..., Step]:
    """Makes a step from its number of streams and what is special about it."""

    def make(streams: int, *, state: str = "ok", reasons: tuple[str, ...] = (), **fields: Any) -> Step:
        errors = Errors(
            ttft=Sample.of([0.0001, 0.0003]),
            itl=Sample.of([0.000001, 0.000003]),
            e2el=Sample.of([]),
            request=Sample.of([0.002]),
        )
        plain: dict[str, Any] = {
            "streams": streams,
            "token_rate_asked": streams * 100.0,
            "token_rate": streams * 99.0,
            "generator_cpu": 10e-6,
            "decoder_cpu": 2e-6,
            "errors": errors,
            "server_lag": Sample.of([0.001]),
            "server_is_full": False,
            "health": replace(healthy, state=state, reasons=reasons),
            "failures": {},
        }
        return Step(**(plain | fields))

    return make
