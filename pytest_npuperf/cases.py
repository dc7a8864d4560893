"""Cases as pytest items: from ``npuperf.yaml``, from test functions, and the built-in one."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_npuperf.budgets import warn, warn_of_directions
from pytest_npuperf.errors import NothingMeasuredError, NpuperfError
from pytest_npuperf.session import MARKED_BUDGETS, OTHERS, RESULTS, SESSION, PerfSession

if TYPE_CHECKING:
    from pytest_npuperf.case import Case
    from pytest_npuperf.fixtures import Npuperf
    from pytest_npuperf.result import CaseResult
    from pytest_npuperf.settings import Settings

__all__ = [
    "CASE_FILE_NAME",
    "CaseItem",
    "add_default_case",
    "add_root_case_file",
    "case_file",
    "check_baseline_names",
    "is_case",
    "judging",
    "keep_pytest_asyncio_quiet",
    "mark_async_cases",
    "own_case",
    "shape_report",
]

CASE_FILE_NAME = "npuperf.yaml"
_MEASURING_FIXTURES = {"npuperf", "npuperf_client"}


class CaseItem(pytest.Function):
    """A case that stands in no Python file. It is a test function like any other to pytest."""

    def __init__(self, *, case: Case, line: int = 1, **arguments: Any) -> None:
        super().__init__(callobj=_test_function(case), **arguments)
        self.case = case
        self._line = line

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where pytest says the item is: its lines count from 0."""
        return self.path, self._line - 1, self.name


def _test_function(case: Case) -> Callable[..., None]:
    def measure(npuperf: Npuperf) -> None:
        npuperf.run_case(case)

    return measure


class _CaseFile(pytest.Module):
    """A Module, so that fixtures of module scope have a node here too."""

    obj = None

    def collect(self) -> Iterable[CaseItem]:
        from pytest_npuperf.case_file import read_case_file

        try:
            content = read_case_file(self.path)
            if content.server is not None:
                self.config.stash[SESSION].use_server_section(self.path, content.server)
            for _, case in content.cases:
                warn_of_directions(case.slo, self.nodeid, self.warn)
        except NpuperfError as exc:
            raise self.CollectError(str(exc)) from exc
        for line, case in content.cases:
            yield CaseItem.from_parent(self, name=case.name, case=case, line=line)


class _BuiltIn(pytest.Module):
    """Parent of the built-in case."""

    obj = None

    def collect(self) -> Iterable[CaseItem]:
        from pytest_npuperf.case import default_case

        case = default_case(self.config.stash[SESSION].settings.dataset)
        yield CaseItem.from_parent(self, name=case.name, case=case)


def keep_pytest_asyncio_quiet() -> None:
    """It warns in every project that leaves one of its ini keys out.

    Who has it only because this plugin needs it must not see that.
    """
    warnings.filterwarnings(
        "ignore",
        'The configuration option "asyncio_default_fixture_loop_scope"',
        pytest.PytestDeprecationWarning,
    )


def case_file(path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """The collector of a case file; None for other files."""
    if path.name != CASE_FILE_NAME:
        return None
    collector: pytest.Module = _CaseFile.from_parent(parent, path=path)
    return collector


def add_root_case_file(config: pytest.Config) -> None:
    """Collect the case file of the root directory where ``testpaths`` leaves it out."""
    root_file = config.rootpath / CASE_FILE_NAME
    if config.args_source is pytest.Config.ArgsSource.TESTPATHS and root_file.is_file():
        config.args.append(str(root_file))


def add_default_case(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Add the built-in case where there is something to measure and no case at all."""
    perf = session.config.stash[SESSION]
    if not perf.settings.has_target or session.testsfailed or any(is_case(item) for item in items):
        return
    collector = _BuiltIn.from_parent(session, path=session.config.rootpath, nodeid="npuperf")
    items.extend(collector.collect())


def is_case(item: pytest.Item) -> bool:
    """Whether an item measures: it asks for a fixture that does, directly or not."""
    return not _MEASURING_FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))


def mark_async_cases(collected: object) -> None:
    """Give async test functions that measure the asyncio mark, before pytest-asyncio looks for it."""
    for item in collected if isinstance(collected, list) else [collected]:
        if isinstance(item, pytest.Function) and is_case(item) and inspect.iscoroutinefunction(item.function):
            item.add_marker(pytest.mark.asyncio)


def check_baseline_names(settings: Settings) -> None:
    """Look at the names of baselines before anything is measured.

    Raises:
        BaselineError: One is not valid.
    """
    if settings.save_baseline is None and settings.baseline is None:
        return
    from pytest_npuperf.baselines import check_baseline, check_name

    if settings.save_baseline is not None:
        check_name(settings.save_baseline)
    if settings.baseline is not None:
        check_baseline(settings.baseline)


@contextmanager
def judging(item: pytest.Item) -> Iterator[None]:
    """Judge what an item measured once its body is through; a broken budget fails the item.

    Where the body failed by itself, that stays the reason, and the verdicts go into the report.
    """
    perf = item.config.stash[SESSION]
    try:
        yield
    except BaseException as exc:
        perf.end_recording(item, exc)
        perf.judge(item, perf.budgets(item, own_case(item)))
        raise
    perf.end_recording(item)
    results = _results(item)
    if not results:
        _require_a_measurement(item, perf)
    else:
        from pytest_npuperf.failing import require, require_measured

        verdicts = perf.judge(item, perf.budgets(item, own_case(item)))
        require_measured(results)
        require(verdicts)
        _warn_or_skip(item, results)


def _results(item: pytest.Item) -> list[CaseResult]:
    """All that an item measured, those of A included where B is compared with it."""
    return [*item.stash.get(RESULTS, []), *item.stash.get(OTHERS, [])]


def _require_a_measurement(item: pytest.Item, perf: PerfSession) -> None:
    """Fail an item that has budgets and came to its end without anything they could be held against."""
    is_marked = MARKED_BUDGETS in item.stash
    if perf.settings.has_target and (is_marked or (is_case(item) and perf.budgets(item))):
        raise NothingMeasuredError(
            f"{item.name}: nothing was measured, so its budgets hold on nothing: "
            "is `await` missing before npuperf.run(...), or the fixture npuperf?"
        )


def _warn_or_skip(item: pytest.Item, results: Sequence[CaseResult]) -> None:
    from pytest_npuperf.report.verdicts import warned_budgets

    for result in results:
        warned = [verdict for verdict in result.verdicts if verdict.consequence == "warn"]
        if warned:
            warn(f"{result.name}: {warned_budgets(warned)}", item.warn)
        differing = dict.fromkeys(what for verdict in result.verdicts for what in verdict.mismatches)
        if differing:
            what = f"{result.name}: the baseline was measured with something else: {'; '.join(differing)}"
            warn(what, item.warn)
    skipped = [verdict for result in results for verdict in result.verdicts if verdict.consequence == "skip"]
    if skipped:
        pytest.skip(warned_budgets(skipped))


def own_case(item: pytest.Item) -> Case | None:
    """The case that an item of a case file, or the built-in one, measures; None for a test function."""
    return item.case if isinstance(item, CaseItem) else None


def shape_report(item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> None:
    """Say what went wrong in the user's words where the program knows it: without a traceback."""
    perf, results = item.config.stash[SESSION], _results(item)
    error = call.excinfo.value if call.excinfo else None
    repeat = _repeat_text(results, perf) if results and report.failed else ""
    if isinstance(error, NpuperfError):
        report.longrepr = f"{error}\n\n{repeat}".rstrip()
    elif results and _is_broken_budget(error):
        from pytest_npuperf.report import failure_text

        report.longrepr = failure_text(results, repeat)
    elif repeat:
        report.sections.append(("npuperf", repeat))


def _repeat_text(results: Sequence[CaseResult], perf: PerfSession) -> str:
    from pytest_npuperf.report import repeat_lines

    return "\n".join(repeat_lines(results, settings=perf.settings.described(), server=perf.server))


def _is_broken_budget(error: BaseException | None) -> bool:
    from pytest_npuperf.failing import BudgetsBroken

    return isinstance(error, BudgetsBroken)
