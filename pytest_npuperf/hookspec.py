"""Hooks that a conftest.py can implement."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_npuperf.result import CaseResult, RunRecord

# Mark implementations ``@pytest.hookimpl(optionalhook=True)``: then the conftest also works
# where the plugin is not installed.


@pytest.hookspec
def pytest_npuperf_environment(config: pytest.Config, environment: dict[str, Any]) -> None:
    """Add to what the report says about the environment, before the server is brought up.

    Example::

        @pytest.hookimpl(optionalhook=True)
        def pytest_npuperf_environment(config, environment):
            environment["cann"] = Path("/usr/local/Ascend/version.cfg").read_text()
    """


@pytest.hookspec
def pytest_npuperf_case_finished(config: pytest.Config, result: CaseResult) -> None:
    """A case was measured and judged, or was interrupted.

    Example::

        @pytest.hookimpl(optionalhook=True)
        def pytest_npuperf_case_finished(config, result):
            push_metric("ttft_p99", result.ttft.p99)
    """


@pytest.hookspec
def pytest_npuperf_write_report(config: pytest.Config, record: RunRecord, directory: Path) -> None:
    """The report directory has been written; add files of your own, before it is packed.

    Example::

        @pytest.hookimpl(optionalhook=True)
        def pytest_npuperf_write_report(config, record, directory):
            for result in record.results:
                result.to_frame().to_parquet(directory / f"{result.name}.parquet")
    """
