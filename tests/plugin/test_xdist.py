"""Measured cases never run beside each other."""

from __future__ import annotations

from typing import Any

import pytest


def test_workers_and_a_measured_case_are_a_usage_error(pytester: pytest.Pytester, server: Any) -> None:
    result = pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}", "-n2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: -n (pytest-xdist) and measured cases do not go together*"])
    assert server.requests() == []


def test_no_workers_are_fine(pytester: pytest.Pytester, server: Any) -> None:
    pytester.runpytest_subprocess(f"--npuperf-base-url={server.url}", "-n0").assert_outcomes(passed=1)


def test_workers_are_fine_where_nothing_is_measured(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_a(): pass\ndef test_b(): pass\n")
    pytester.runpytest_subprocess("-n2").assert_outcomes(passed=2)
