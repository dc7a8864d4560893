"""The ``npuperf`` fixture in test functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


def test_an_async_test_needs_no_mark(pytester: pytest.Pytester, server: Any) -> None:
    pytester.makepyfile(
        """
        import pytest
        from pytest_npuperf import ClosedLoop

        @pytest.mark.parametrize("concurrency", [1, 2])
        async def test_chat(npuperf, concurrency):
            result = await npuperf.run(requests=4, max_tokens=5, load=ClosedLoop(concurrency))
            result.check("ttft.p99 < 5 s", "failed_requests == 0")
            assert 0 < result.tpot.p90 < 5
            assert result.output_tokens.avg == 5
            assert result.summary.max_concurrency == concurrency
            assert list(result.to_frame()["output_tokens"]) == [5] * 4
        """
    )
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}", "-W", "error")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*/test_chat-2:"])


def test_other_coroutines_of_the_test_go_on_meanwhile(pytester: pytest.Pytester, server: Any) -> None:
    pytester.makepyfile(
        """
        import asyncio

        async def test_beside(npuperf):
            async def count():
                turns = 0
                while True:
                    await asyncio.sleep(0.01)
                    turns += 1
                    seen.append(turns)
            seen = []
            task = asyncio.create_task(count())
            await npuperf.run(requests=8, max_tokens=8)
            task.cancel()
            assert len(seen) > 3
        """
    )
    pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}").assert_outcomes(passed=1)


def test_a_second_run_has_a_name_of_its_own(
    pytester: pytest.Pytester, server: Any, summary_of: Callable[[pytest.Pytester], dict[str, Any]]
) -> None:
    pytester.makepyfile(
        """
        async def test_twice(npuperf):
            first = await npuperf.run(requests=1, max_tokens=2)
            second = await npuperf.run(requests=2, max_tokens=2)
            assert first.summary.total_requests == 1
            assert second.summary.total_requests == 2
        """
    )
    pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}").assert_outcomes(passed=1)
    assert [case["name"] for case in summary_of(pytester)["cases"]] == ["test_twice", "test_twice-2"]


def test_without_a_server_it_skips(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("async def test_chat(npuperf):\n    raise AssertionError\n")
    pytester.runpytest_subprocess().assert_outcomes(skipped=1)


def test_a_wrong_argument_is_said_without_traceback(pytester: pytest.Pytester, server: Any) -> None:
    pytester.makepyfile("async def test_chat(npuperf):\n    await npuperf.run(dataset='gsm9k')\n")
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*gsm9k*gsm8k*"])
    assert "Traceback" not in result.stdout.str()


def test_an_assertion_of_the_test_is_shown_as_ever(pytester: pytest.Pytester, server: Any) -> None:
    pytester.makepyfile(
        """
        async def test_chat(npuperf):
            result = await npuperf.run(requests=1, max_tokens=2)
            assert result.summary.total_requests == 2
        """
    )
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *assert 1 == 2", "*Performance Results of task*"])


def test_the_server_fixture_says_where_it_is(pytester: pytest.Pytester, server: Any) -> None:
    pytester.makepyfile(
        f"""
        def test_server(npuperf_server):
            assert npuperf_server.base_url == {server.url!r}
            assert npuperf_server.model == "simulated-model"
        """
    )
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}", "-k", "test_server")
    result.assert_outcomes(passed=1, deselected=1)


def test_fixtures_and_markers_are_listed(pytester: pytest.Pytester) -> None:
    fixtures = pytester.runpytest_subprocess("--fixtures")
    fixtures.stdout.fnmatch_lines(["npuperf_server*session scope*", "npuperf -- *", "npuperf_client -- *"])
    markers = pytester.runpytest_subprocess("--markers")
    markers.stdout.fnmatch_lines(["@pytest.mark.npuperf_slo(*budgets): *"])


def test_hooks_are_called(pytester: pytest.Pytester, server: Any) -> None:
    pytester.makeconftest(
        """
        def pytest_npuperf_environment(environment):
            environment["cann"] = "8.0"

        def pytest_npuperf_case_finished(result):
            print("finished", result.name, result.summary.total_requests)

        def pytest_npuperf_write_report(record, directory):
            (directory / "mine.txt").write_text(record.environment["cann"])
        """
    )
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}", "-s")
    result.stdout.fnmatch_lines(["*finished gsm8kdataset 8"])
    assert [path.read_text() for path in pytester.path.rglob("mine.txt")] == ["8.0"]
