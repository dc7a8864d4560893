"""A broken budget is a failed test."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest


def test_a_broken_budget_of_the_command_line_fails_the_case(pytester: pytest.Pytester, server: Any) -> None:
    result = pytester.runpytest_subprocess(
        f"--npuperf-base-url={server.url}", "--npuperf-slo", "ttft.p99 < 1 ms", "--junitxml=junit.xml"
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*ttft.p99 < 1 ms*ms*FAIL*", "FAILED npuperf::gsm8kdataset - broken: *"])
    assert "Traceback" not in result.stdout.str()
    assert "plugin.py" not in result.stdout.str()
    (failure,) = ElementTree.parse(pytester.path / "junit.xml").getroot().iter("failure")
    assert "ttft.p99 < 1 ms" in str(failure.text)
    assert failure.get("message", "").startswith("broken: ttft.p99 < 1 ms")


def test_a_kept_budget_passes(pytester: pytest.Pytester, server: Any) -> None:
    result = pytester.runpytest_subprocess(
        f"--npuperf-base-url={server.url}", "--npuperf-slo", "ttft.p99 < 10 s"
    )
    result.assert_outcomes(passed=1)


def test_a_marker_is_judged_after_the_test(pytester: pytest.Pytester, server: Any) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.npuperf_slo("ttft.avg < 1 us", "e2el.max < 1 min")
        async def test_chat(npuperf):
            await npuperf.run(requests=2, max_tokens=2)
        """
    )
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*ttft.avg < 1 us*FAIL*", "*e2el.max < 1 min*pass*"])


def test_a_budget_checked_in_the_test_fails_there(pytester: pytest.Pytester, server: Any) -> None:
    pytester.makepyfile(
        """
        async def test_chat(npuperf):
            result = await npuperf.run(requests=2, max_tokens=2)
            result.check("ttft.avg < 1 us")
            raise AssertionError("not reached")
        """
    )
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*ttft.avg < 1 us*FAIL*"])
    result.stdout.no_fnmatch_line("*not reached*")


@pytest.mark.parametrize(
    ("arguments", "test", "message"),
    [
        (["--npuperf-slo", "ttft.p99 < 500"], "", "ERROR: --npuperf-slo: *"),
        (
            [],
            '@pytest.mark.npuperf_slo("tftt.p99 < 1 ms")',
            "ERROR: test_it.py::test_chat: @pytest.mark.npuperf_slo: *",
        ),
        ([], "@pytest.mark.npuperf_slo(5)", "ERROR: *takes budgets as strings*(5,)*"),
        ([], "@pytest.mark.npuperf_slo", "ERROR: *takes budgets as strings*"),
    ],
)
def test_a_wrong_budget_is_a_usage_error_before_anything_runs(
    pytester: pytest.Pytester, server: Any, arguments: list[str], test: str, message: str
) -> None:
    pytester.makepyfile(test_it=f"import pytest\n\n{test}\nasync def test_chat(npuperf):\n    pass\n")
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}", *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])
    assert server.requests() == []


def test_a_failed_request_fails_the_case_unless_a_budget_speaks_of_failures(
    pytester: pytest.Pytester, simulate: Any
) -> None:
    server = simulate("--ttft", "1ms", "--itl", "1ms", "--output-tokens", "2", "--fail-every", "4")
    target = f"--npuperf-base-url={server.url}"
    result = pytester.runpytest_subprocess(target)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*failed_requests == 0*FAIL*"])
    allowed = pytester.runpytest_subprocess(target, "--npuperf-slo", "failure_rate < 50 %")
    allowed.assert_outcomes(passed=1)


def test_a_budget_on_nothing_measured_fails(pytester: pytest.Pytester, server: Any) -> None:
    pytester.makepyfile(
        """
        async def test_one_token(npuperf):
            result = await npuperf.run(requests=1, max_tokens=1)
            result.check("tpot.p99 < 1 s")
        """
    )
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*tpot.p99 < 1 s* - *FAIL*"])


def test_budgets_of_a_test_that_measured_nothing_hold_on_nothing(
    pytester: pytest.Pytester, server: Any
) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.npuperf_slo("ttft.p99 < 1 s")
        async def test_forgot_to_measure(npuperf):
            pass
        """
    )
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*nothing was measured, so its budgets hold on nothing*"])
