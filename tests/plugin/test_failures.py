"""Why a test failed stands in its report, also where no budget did it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TESTS = """
import pytest
from pytest_npuperf import Synthetic

LOAD = {"dataset": Synthetic(input_tokens=8, output_tokens=4), "requests": 2}

async def test_assert(npuperf):
    result = await npuperf.run(**LOAD)
    assert result.ttft.avg < 0, "\\x1b[31mtoo slow\\x1b[0m <b>\\nand more"

async def test_good(npuperf):
    await npuperf.run(**LOAD)

@pytest.mark.npuperf_slo("ttft.avg < 1 us")
async def test_budget(npuperf):
    await npuperf.run(**LOAD)

async def test_before(npuperf):
    raise ValueError("no such file")

@pytest.fixture
def weights():
    raise RuntimeError("no weights")

async def test_setup(npuperf, weights):
    pass

@pytest.fixture
def ending():
    yield
    raise RuntimeError("no end")

async def test_teardown(npuperf, ending):
    await npuperf.run(**LOAD)

async def test_no_fixture(npuperf, nowhere):
    pass

def test_other():
    assert False, "not about performance"
"""


def test_each_case_says_what_became_of_it_and_why(
    pytester: pytest.Pytester,
    server: Any,
    report_of: Callable[[pytest.Pytester], Path],
    summary_of: Callable[[pytest.Pytester], dict[str, Any]],
) -> None:
    pytester.makepyfile(test_x=TESTS)
    pytester.runpytest_subprocess(
        f"--npuperf-base-url={server.url}", "--npuperf-client-health=warn", "--color=yes"
    )
    summary = summary_of(pytester)
    cases = {case["name"]: (case["outcome"], case["failure"]) for case in summary["cases"]}
    broken = cases.pop("test_budget")
    assert broken[0] == "failed"
    assert broken[1].startswith("broken: ttft.avg < 1 us (measured ")
    assert cases == {
        "test_assert": ("failed", "AssertionError: too slow <b>"),
        "test_good": ("passed", ""),
        "test_teardown": ("error", "RuntimeError: no end"),
    }
    assert summary["unmeasured"] == [
        {"nodeid": "test_x.py::test_before", "outcome": "failed", "failure": "ValueError: no such file"},
        {"nodeid": "test_x.py::test_setup", "outcome": "error", "failure": "RuntimeError: no weights"},
        {
            "nodeid": "test_x.py::test_no_fixture",
            "outcome": "error",
            "failure": "fixture 'nowhere' not found",
        },
    ]
    page = (report_of(pytester) / "report.html").read_text(encoding="utf-8")
    assert "3 of 7 cases failed, 3 with an error" in page
    assert "AssertionError: too slow &lt;b&gt;" in page
    assert "not about performance" not in page


def test_a_server_that_never_came_up_is_told_of(
    pytester: pytest.Pytester, report_of: Callable[[pytest.Pytester], Path]
) -> None:
    pytester.makefile(".yaml", npuperf="cases: [{name: chat, requests: 2}]")
    result = pytester.runpytest_subprocess(
        "--npuperf-base-url=http://127.0.0.1:9", "--npuperf-ready-timeout=1s", "--npuperf-markdown=run.md"
    )
    result.assert_outcomes(errors=1)
    page = (report_of(pytester) / "report.html").read_text(encoding="utf-8")
    assert "chat ended in an error: nothing was measured" in page
    assert "http://127.0.0.1:9 was not ready after 1 s" in page
    assert "was not ready after 1 s" in (pytester.path / "run.md").read_text(encoding="utf-8")
