"""The ``npuperf_client`` fixture: what others drive through it is measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

SummaryOf = Callable[[pytest.Pytester], dict[str, Any]]

OPENAI = """
    import asyncio
    import openai
    import pytest

    @pytest.fixture
    def ai(npuperf_client, npuperf_server):
        return openai.AsyncOpenAI(
            base_url=f"{npuperf_server.base_url}/v1", api_key="x", http_client=npuperf_client, max_retries=0
        )

    def chat(ai, **more):
        return ai.chat.completions.create(**{
            "model": "simulated-model",
            "messages": [{"role": "user", "content": "hello"}],
            "stream": True,
            "stream_options": {"include_usage": True},
            **more,
        })
"""

STREAM = """
    import pytest

    CHAT = {"messages": [{"role": "user", "content": "hello"}], "stream": True}

    async def stream(client):
        async with client.stream("POST", "/v1/chat/completions", json=CHAT) as response:
            return [line async for line in response.aiter_lines()]
"""


@pytest.fixture
def measure(pytester: pytest.Pytester) -> Callable[..., pytest.RunResult]:
    """Runs a test file, made of the given parts, against a server; any warning is an error."""

    def run(server: Any, *parts: str, options: tuple[str, ...] = ()) -> pytest.RunResult:
        pytester.makepyfile("\n".join(parts))
        # how busy this machine is with other things is not what these tests are about
        return pytester.runpytest_subprocess(
            f"--npuperf-base-url={server.url}", "--npuperf-client-health=warn", "-Werror", *options
        )

    return run


Measure = Callable[..., pytest.RunResult]


def test_what_the_openai_package_streams_is_a_case(
    pytester: pytest.Pytester, server: Any, measure: Measure, summary_of: SummaryOf
) -> None:
    result = measure(
        server,
        OPENAI,
        """
    TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}

    async def answer(ai):
        stream = await chat(ai, tools=[TOOL])
        return [chunk async for chunk in stream]

    async def test_agent(ai):
        assert [model.id async for model in ai.models.list()] == ["simulated-model"]
        for chunks in await asyncio.gather(answer(ai), answer(ai)):
            text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
            assert len(text.split()) == 8
            assert chunks[-1].usage.completion_tokens == 8
        await answer(ai)
        whole = await chat(ai, stream=False, stream_options=None)
        assert whole.usage.completion_tokens == 8
        """,
    )
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*/test_agent:"])
    (case,) = summary_of(pytester)["cases"]
    assert case["name"] == "test_agent"
    assert case["kernel_stamps"] is True
    log = next(pytester.path.rglob("performance/test_agent.log")).read_text()
    assert "3 requests by npuperf_client, 0 failed" in log
    assert "'not_streamed': 1, 'given_up': 0" in log
    requests = json.loads(next(pytester.path.rglob("test_agent_details.json")).read_text())
    assert [(row["output_tokens"], row["tokens_estimated"]) for row in requests] == [(8, False)] * 3
    # the two beside each other have a connection each, and one of them serves the third
    assert [row["connect_time"] > 0 for row in requests] == [True, True, False]
    true = {truth["request_id"]: truth["t_first"] - truth["t_received"] for truth in server.requests()}
    for row in requests:
        assert row["prefill_latency"] == pytest.approx(true[row["id"]] / 1e9, abs=0.1)


def test_an_error_of_the_server_is_raised_and_a_failed_request(server: Any, measure: Measure) -> None:
    result = measure(
        server,
        OPENAI,
        """
    async def test_error(ai):
        with pytest.raises(openai.NotFoundError):
            await chat(ai, model="another")
        async for _ in await chat(ai):
            pass
        """,
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*failed_requests == 0 (implied)*1*FAIL*", "1 failed with http_status*"])


def test_an_answer_that_is_left_early_is_no_part_of_the_case(
    pytester: pytest.Pytester, simulate: Any, measure: Measure
) -> None:
    server = simulate("--ttft", "10ms", "--itl", "100ms", "--output-tokens", "50")
    result = measure(
        server,
        OPENAI,
        """
    async def test_leave(ai):
        async with await chat(ai) as stream:
            async for chunk in stream:
                break
        async for _ in await chat(ai, max_tokens=2):
            pass
        unfinished = await chat(ai)
        """,
    )
    result.assert_outcomes(passed=1)
    log = next(pytester.path.rglob("performance/test_leave.log")).read_text()
    assert "1 requests by npuperf_client, 0 failed" in log
    assert "'given_up': 2" in log


def test_budgets_are_judged_as_for_other_cases(server: Any, measure: Measure) -> None:
    result = measure(
        server,
        STREAM,
        """
    @pytest.mark.npuperf_slo("ttft.avg < 1 us")
    async def test_chat(npuperf_client):
        await stream(npuperf_client)
        """,
        options=("--npuperf-slo", "e2el.max < 1 min"),
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*ttft.avg < 1 us*FAIL*", "*e2el.max < 1 min*pass*"])


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("assert (await npuperf_client.get('/v1/models')).status_code == 200", "failed"),
        ("pytest.skip('nothing to do')", "skipped"),
    ],
)
def test_a_case_without_a_request_is_no_success(
    body: str, outcome: str, server: Any, measure: Measure
) -> None:
    result = measure(server, STREAM, f"    async def test_none(npuperf_client):\n        {body}\n")
    result.assert_outcomes(**{outcome: 1})


def test_both_ways_to_measure_in_one_test(
    pytester: pytest.Pytester, server: Any, measure: Measure, summary_of: SummaryOf
) -> None:
    measure(
        server,
        STREAM,
        """
    async def test_both(npuperf_client, npuperf):
        await stream(npuperf_client)
        result = await npuperf.run(requests=2, max_tokens=2)
        assert result.summary.total_requests == 2
        """,
    ).assert_outcomes(passed=1)
    assert [case["name"] for case in summary_of(pytester)["cases"]] == ["test_both", "test_both-2"]


def test_it_works_in_any_event_loop(server: Any, measure: Measure) -> None:
    measure(
        server,
        STREAM,
        """
    import asyncio

    def test_loops_of_the_test(npuperf_client):
        for _ in range(2):
            assert "data: [DONE]" in asyncio.run(stream(npuperf_client))

    @pytest.mark.asyncio(loop_scope="module")
    async def test_loop_of_the_module(npuperf_client):
        async with npuperf_client:
            assert "data: [DONE]" in await stream(npuperf_client)

    @pytest.mark.asyncio(loop_scope="module")
    async def test_the_same_loop_again(npuperf_client):
        assert "data: [DONE]" in await stream(npuperf_client)
        """,
    ).assert_outcomes(passed=3)


def test_a_client_that_was_too_busy_has_measured_nothing(simulate: Any, measure: Measure) -> None:
    server = simulate("--ttft", "10ms", "--itl", "5ms", "--output-tokens", "200")
    result = measure(
        server,
        STREAM,
        """
    async def test_busy(npuperf_client):
        async with npuperf_client.stream("POST", "/v1/chat/completions", json=CHAT) as response:
            async for piece in response.aiter_raw():
                sum(range(1_000_000))  # no other thread can run meanwhile
        """,
        options=("--npuperf-client-health=fail",),
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*test_busy: not measured: client-bound: * The test, or what decodes*"])


def test_without_a_server_it_skips(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("async def test_chat(npuperf_client):\n    raise AssertionError\n")
    pytester.runpytest_subprocess().assert_outcomes(skipped=1)
