from __future__ import annotations

import asyncio
import re

import pytest

from benchmarks import lengths
from pytest_npuperf.simulator import Simulator, SimulatorSettings


def test_differences_are_percent_of_the_asked_length() -> None:
    assert lengths.difference_line([(200, 202), (100, 97)]) == "n=2 mean -1.00 % from -3.00 % to +1.00 %"


@pytest.mark.asyncio
async def test_prompts_are_compared_with_what_a_server_counts(capsys: pytest.CaptureFixture[str]) -> None:
    simulator = Simulator(SimulatorSettings(port=0, ttft=0, itl=0))
    await simulator.start()
    try:
        url = f"http://127.0.0.1:{simulator.port}"
        await asyncio.to_thread(
            lengths.main, ["--base-url", url, "--tokens=300", "--tokenized=8", "--sent=3"]
        )
    finally:
        await simulator.stop()

    output = capsys.readouterr().out
    assert "by an estimate, because there is no directory of the model" in output
    assert "8 prompts of 300 tokens made in" in output
    assert re.search(r"usage: n=3 mean [+-]\d\.\d\d % from ", output)
