"""A case is never green on nothing: each way in which it could be is red and named.

A client that was the bottleneck has a file of its own: test_client_health.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

# Whatever was measured keeps these budgets.
CASE = """
cases:
  - name: chat
    dataset: {{synthetic: {{input_tokens: 20, output_tokens: 8}}}}
    load: {load}
    requests: {requests}
    slo: [ttft.p99 < 60 min, failure_rate <= 100 %{slo}]
"""
QUICK = ("--ttft", "10ms", "--itl", "2ms", "--output-tokens", "8")

LOST_ROW = """
    import numpy as np
    import pytest
    from pytest_npuperf.load.run import LoadRun

    @pytest.fixture(autouse=True)
    def lose_a_row(monkeypatch):
        whole = LoadRun.trace
        monkeypatch.setattr(LoadRun, "trace", lambda run: whole(run).select(np.arange(len(whole(run)) - 1)))
"""

Run = Callable[..., pytest.RunResult]
SummaryOf = Callable[[pytest.Pytester], dict[str, Any]]


@pytest.fixture
def run(pytester: pytest.Pytester, simulate: Callable[..., Any]) -> Run:
    """Runs the case against a simulator of the given options, whose client may be busy with other things."""

    def start(
        *options: str,
        load: str = "{concurrency: 2}",
        requests: int = 8,
        slo: str = "",
    ) -> pytest.RunResult:
        server = simulate(*QUICK, *options)
        case = CASE.format(load=load, requests=requests, slo=slo)
        pytester.makefile(".yaml", npuperf=case)
        return pytester.runpytest_subprocess(
            f"--npuperf-base-url={server.url}", "--npuperf-client-health=warn"
        )

    return start


def vacuous(case: dict[str, Any]) -> str:
    """The one reason of a case of summary.json."""
    (reason,) = case["vacuous"]
    assert isinstance(reason, str)
    return reason


def assert_is_red(result: pytest.RunResult, reason: str) -> None:
    """Of budgets that hold, and for one reason, which is everywhere that people look."""
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            f"vacuous: {reason}*",
            "ttft.p99 < 60 min * pass*",
            f"vacuous: {reason}*",
            f"VACUOUS: {reason}*",
            "FAILED npuperf.yaml::chat - vacuous: *",
        ]
    )
    assert "Traceback" not in result.stdout.str()


def test_a_sound_load_is_green(pytester: pytest.Pytester, run: Run, summary_of: SummaryOf) -> None:
    result = run(load="{rate: 50, concurrency: 32}", requests=60)
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*VACUOUS*")
    (case,) = summary_of(pytester)["cases"]
    assert case["vacuous"] == []


def test_requests_that_are_not_accounted_for(
    pytester: pytest.Pytester, run: Run, summary_of: SummaryOf
) -> None:
    pytester.makeconftest(LOST_ROW)
    assert_is_red(run(), "1 of 8 requests sent are not accounted for: ")
    (case,) = summary_of(pytester)["cases"]
    assert vacuous(case).startswith("1 of 8 requests sent are not accounted for: ")


def test_no_success(pytester: pytest.Pytester, simulate: Callable[..., Any]) -> None:
    server = simulate(*QUICK, "--fail-every", "2")
    pytester.makepyfile(
        """
        async def test_chat(npuperf):
            await npuperf.run(requests=1, warmup=0)
        """
    )
    # the first request is the one for readiness, the second is the measured one
    result = pytester.runpytest_subprocess(
        f"--npuperf-base-url={server.url}", "--npuperf-slo", "failure_rate <= 100 %"
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["broken: success_requests > 0 (*", "*success_requests > 0*FAIL*"])


def test_no_output_token(run: Run) -> None:
    # without an exact length, which would be missed, too
    result = run("--no-output-count", slo=", missed_output_length <= 100 %")
    assert_is_red(result, "no output token in 8 successful answers")


def test_another_output_length_than_the_exact_one(run: Run) -> None:
    # a strict server refuses what would make its answers longer than the 4 tokens they have
    result = run("--strict", "--output-tokens", "4")
    assert_is_red(result, "8 of 8 answers missed the exact output length asked for by more than 5%. ")


def test_a_budget_says_that_other_output_lengths_will_do(run: Run) -> None:
    result = run("--strict", "--output-tokens", "4", slo=", missed_output_length <= 100 %")
    result.assert_outcomes(passed=1)


def test_an_arrival_rate_that_is_not_reached(run: Run) -> None:
    # two at a time, each for 124 ms: 16 req/s
    result = run("--ttft", "110ms", load="{rate: 40, arrival: constant, concurrency: 2}", requests=60)
    assert_is_red(result, "requests were sent at 1?.? req/s, not at the 40 req/s asked for, as ")


def test_another_model(run: Run) -> None:
    result = run("--model", "big", "--answer-model", "small")
    assert_is_red(result, "8 of 8 answers came from the model 'small', but 'big' was asked for")


@pytest.mark.parametrize("name", ["models/simulated-model", "simulated-model-2026-01-31"])
def test_the_same_model_with_folders_or_a_version(run: Run, name: str) -> None:
    run("--answer-model", name).assert_outcomes(passed=1)


def test_another_model_in_what_a_test_sends_itself(
    pytester: pytest.Pytester, simulate: Callable[..., Any]
) -> None:
    server = simulate(*QUICK, "--answer-model", "small")
    pytester.makepyfile(
        """
        async def stream(client, **more):
            chat = {"messages": [{"role": "user", "content": "hello"}], "stream": True, **more}
            async with client.stream("POST", "/v1/chat/completions", json=chat) as response:
                return [line async for line in response.aiter_lines()]

        async def test_named(npuperf_client):
            await stream(npuperf_client, model="simulated-model")

        async def test_unnamed(npuperf_client):
            await stream(npuperf_client)
        """
    )
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}", "--npuperf-client-health=warn")
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(
        ["vacuous: 1 of 1 answers came from the model 'small', but 'simulated-model' was *", "*test_unnamed:"]
    )


def test_what_was_in_flight_when_a_load_was_given_up_is_not_missing(
    pytester: pytest.Pytester, simulate: Callable[..., Any], summary_of: SummaryOf
) -> None:
    server = simulate("--ttft", "20ms", "--itl", "20ms", "--output-tokens", "8", "--fail-every", "2")
    pytester.makefile(
        ".yaml",
        npuperf="""
            cases:
              - name: chat
                dataset: {synthetic: {input_tokens: 20, output_tokens: 8}}
                load: {concurrency: 8}
                requests: 5000
                abort: {failure_rate: 30 %}
            """,
    )
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}", "--npuperf-client-health=warn")
    result.stdout.fnmatch_lines(["FAILED npuperf.yaml::chat - chat: aborted: *"])
    (case,) = summary_of(pytester)["cases"]
    assert case["vacuous"] == []
    given_up = [request for request in server.requests() if request["outcome"] == "abandoned"]
    assert given_up, "requests were in flight"
