"""The arguments of ``npuperf.run``: they are the keys of ``npuperf.yaml``."""

from __future__ import annotations

from typing import Any

import pytest


def test_every_argument_arrives(pytester: pytest.Pytester, server: Any) -> None:
    pytester.makepyfile(
        """
        from pytest_npuperf import Abort, Cancel, Constant, OpenLoop, RateStep, Sweep, Synthetic

        SHORT = Synthetic(input_tokens=8, output_tokens=4)

        async def test_load(npuperf):
            result = await npuperf.run(
                dataset=SHORT,
                load=OpenLoop(100, Constant(), concurrency=50),
                requests=20,
                duration=0.1,
                warmup=2,
                cooldown=1,
                cancel=Cancel(share=0.5, after_tokens=2),
                abort=Abort(failure_rate=0.5),
                until={"ttft.avg": "1 %"},
                steady=True,
                extra_body={"temperature": 0.5},
                headers={"x-team": "blue"},
                seed=1,
            )
            assert result.summary.total_requests == 10
            assert 0 < result.summary.cancelled_requests < 10
            settings = result.settings
            assert (settings["cooldown"], settings["warmup"], settings["steady"]) == (1, 2, True)
            assert settings["abort"]["failure_rate"] == 0.5
            assert settings["until"][0]["share"] == 0.01
            assert (settings["extra_body"], settings["headers"]) == ({"temperature": 0.5}, {"x-team": "blue"})

        async def test_bounds(npuperf):
            result = await npuperf.run(dataset=SHORT)
            assert (result.settings["requests"], result.settings["duration"]) == (8, None)
            steps = (RateStep(20, 0.1), RateStep(50, 0.1))
            result = await npuperf.run(dataset=SHORT, load=OpenLoop(steps, Constant()), warmup=0)
            assert result.summary.total_requests == 7

        async def test_sweep(npuperf):
            result = await npuperf.run(dataset=SHORT, sweep=Sweep("concurrency", (1, 2)))
            assert [step.load for step in result.exploration.steps] == [1, 2]
        """
    )
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}", "--npuperf-client-health=warn")
    result.assert_outcomes(passed=3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("requests=0", "requests: 0 is not allowed: give a whole number of at least 1"),
        ("load=ClosedLoop(0)", "load.concurrency: 0 is not allowed: give a whole number of at least 1"),
        ("headers={'Host': 'a'}", "headers: 'Host' is not allowed: the client sets it itself"),
        ("until={'ttft.p99': '5 %'}", "until: the load would not end if *: give requests or a duration too"),
        ("until={'ttft': '5 %'}, requests=9", "until 'ttft: 5 %': name a statistic, such as ttft.p99*"),
    ],
)
def test_a_wrong_one_is_said_without_traceback(
    pytester: pytest.Pytester, server: Any, arguments: str, message: str
) -> None:
    pytester.makepyfile(
        f"""
        from pytest_npuperf import ClosedLoop

        async def test_chat(npuperf):
            await npuperf.run({arguments})
        """
    )
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*{message}"])
    assert "Traceback" not in result.stdout.str()
    assert len(server.requests()) == 1  # whether the server is ready
