from __future__ import annotations

from typing import Any

import pytest

from pytest_npuperf.errors import SettingsError
from pytest_npuperf.simulator import SimulatorSettings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ttft": -0.1}, "ttft of the simulator is -0.1: use a value at least 0"),
        ({"itl": float("nan")}, "itl of the simulator is nan: use a value at least 0"),
        ({"startup_delay": float("inf")}, "startup_delay of the simulator is inf: use a value at least 0"),
        ({"jitter": -1}, "jitter of the simulator is -1: use a value at least 0"),
        ({"output_tokens": 0}, "output_tokens of the simulator is 0: use a value at least 1"),
        ({"tokens_per_chunk": 0}, "tokens_per_chunk of the simulator is 0: use a value at least 1"),
        ({"fail_every": -1}, "fail_every of the simulator is -1: use a value at least 0"),
        ({"break_every": -1}, "break_every of the simulator is -1: use a value at least 0"),
        ({"max_batch": -1}, "max_batch of the simulator is -1: use a value at least 0"),
        ({"slowdown": -0.1}, "slowdown of the simulator is -0.1: use a value at least 0"),
        ({"prefill_rate": -1}, "prefill_rate of the simulator is -1: use a value at least 0"),
        ({"ttft_sigma": -1}, "ttft_sigma of the simulator is -1: use a value at least 0"),
        ({"output_jitter": -1}, "output_jitter of the simulator is -1: use a value at least 0"),
        ({"port": 65536}, "port of the simulator is 65536: use a value from 0 to 65535"),
    ],
)
def test_a_value_outside_its_range_is_named_with_what_is_allowed(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        SimulatorSettings(**settings)
    assert str(caught.value) == message


def test_the_role_cannot_come_before_the_request() -> None:
    with pytest.raises(SettingsError, match=r"role_lead is 0\.2 s, but .* use at most ttft, which is 0\.1 s"):
        SimulatorSettings(ttft=0.1, role_lead=0.2)
