"""The pytest hooks. Each calls one function; what it does stands there."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from pytest_npuperf import budgets, cases, hookspec, options
from pytest_npuperf.errors import NpuperfError
from pytest_npuperf.fixtures import npuperf, npuperf_client, npuperf_server
from pytest_npuperf.session import SESSION, PerfSession

__all__ = ["npuperf", "npuperf_client", "npuperf_server"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare options and ini keys."""
    options.add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the hooks that users can implement."""
    pluginmanager.add_hookspecs(hookspec)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Read the settings; no file, process or socket comes of it."""
    cases.keep_pytest_asyncio_quiet()
    config.addinivalue_line(
        "markers", f"{budgets.SLO_MARKER}(*budgets): budgets that the test's cases must keep"
    )
    if not (config.getoption("help") or config.getoption("version")):
        config.stash[SESSION] = _new_session(config)
        cases.add_root_case_file(config)


def _new_session(config: pytest.Config) -> PerfSession:
    try:
        settings = options.read_settings(config)
        cases.check_baseline_names(settings)
    except NpuperfError as exc:
        raise pytest.UsageError(str(exc)) from exc
    slo = budgets.command_line_budgets(config, settings)
    if settings.has_target and config.getoption("dist", "no") != "no":
        raise pytest.UsageError(
            "-n (pytest-xdist) and measured cases do not go together: cases that run beside each other "
            "measure each other; run the measured cases without -n, or pass -n0"
        )
    return PerfSession(config, settings, slo)


def pytest_report_header(config: pytest.Config) -> str | None:
    """One line where there is something to measure."""
    return config.stash[SESSION].reporting.header()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Collect npuperf.yaml."""
    return cases.case_file(file_path, parent)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_pycollect_makeitem() -> Generator[None, object, object]:
    """Inside pytest-asyncio's wrapper: its own look at the items comes after this."""
    collected = yield
    cases.mark_async_cases(collected)
    return collected


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Add the built-in case before anything is deselected."""
    cases.add_default_case(session, items)
    budgets.check_markers(items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Judge in the call phase, so that a broken budget is a failed test."""
    with cases.judging(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Replace tracebacks of the program's own errors by their texts, and keep what became of cases."""
    report = yield
    cases.shape_report(item, call, report)
    item.config.stash[SESSION].note(item, report, is_case=cases.is_case(item))
    return report


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Write the report; the server is down by now and its log whole."""
    session.config.stash[SESSION].finish(stopped=exitstatus == pytest.ExitCode.INTERRUPTED)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the tables."""
    config.stash[SESSION].reporting.print(terminalreporter)
