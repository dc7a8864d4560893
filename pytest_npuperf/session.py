"""The collector of a pytest run: it gathers case results and decides when reports are written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_npuperf.errors import CaseError, LoadError
from pytest_npuperf.reporting import Reporting
from pytest_npuperf.run_directory import RunDirectory
from pytest_npuperf.settings import Settings
from pytest_npuperf.terminal import LiveLine

if TYPE_CHECKING:
    import httpx

    from pytest_npuperf.adapter import Served
    from pytest_npuperf.case import Case
    from pytest_npuperf.case_file import ServerSection
    from pytest_npuperf.comparing import BaselineFinder
    from pytest_npuperf.measuring import Measuring
    from pytest_npuperf.recorder import Recording
    from pytest_npuperf.result import CaseResult
    from pytest_npuperf.runner import ClientSettings
    from pytest_npuperf.serving import Sides
    from pytest_npuperf.slo import Budget, FindReference, Judging, Verdict
    from pytest_npuperf.target import TargetFinder

__all__ = ["MARKED_BUDGETS", "OTHERS", "RESULTS", "SESSION", "PerfSession"]


class PerfSession:
    """Everything of one pytest run that outlives a single case."""

    def __init__(self, config: pytest.Config, settings: Settings, slo: Sequence[Budget] = ()) -> None:
        self.settings = settings
        self._slo = tuple(slo)
        self.results: list[CaseResult] = []
        self.reporting = Reporting(config, settings)
        self._config = config
        self._server_section: tuple[Path, ServerSection] | None = None
        self._served: Served | None = None
        self._target_finders: dict[str, TargetFinder] = {}
        self._sides: Sides | None = None
        self.live = LiveLine(config)
        self._directory = RunDirectory(settings.report_dir, echo=self.live.print if settings.debug else None)

    @property
    def server(self) -> dict[str, Any]:
        """What is known of the server under test, as plain data; empty before there was one."""
        return {"asked_model": self.settings.asked_model} | asdict(self._served) if self._served else {}

    def use_server_section(self, path: Path, section: ServerSection) -> None:
        """Take the ``server`` section of a case file.

        Raises:
            CaseError: Another file says something else about the one server there is.
        """
        if self._server_section is not None and self._server_section[1] != section:
            raise CaseError(
                f"{path}: server: differs from the one in {self._server_section[0]}; "
                "a run has one server, so say it in one file"
            )
        self._server_section = (path, section)

    @contextmanager
    def serving(self) -> Iterator[Served]:
        """The server under test while it is up.

        Raises:
            AdapterError: It cannot be deployed, or is not ready in time.
        """
        from pytest_npuperf.serving import Sides

        self.reporting.describe_environment()
        if self.settings.ab is None:
            with self._bring_up(self.settings) as served:
                self._served = served
                yield served
            return
        self._sides = Sides(self._bring_up, self.settings)
        try:
            self._served = self._sides.up("B")
            yield self._served
        finally:
            self._sides.close()

    @contextmanager
    def _bring_up(self, settings: Settings) -> Iterator[Served]:
        from pytest_npuperf.case_file import ServerSection
        from pytest_npuperf.serving import serving

        section = self._server_section[1] if self._server_section else ServerSection()
        with serving(settings, section, logs=self._directory.path / "logs", note=self._status) as served:
            self.live.end()
            yield served

    @contextmanager
    def measuring(self, case: Case, item: pytest.Item, served: Served) -> Iterator[Measuring]:
        """A case while it runs; its result is added at the end, also when it is interrupted."""
        run = self._measure(self.seeded(case), item, served)
        try:
            yield run
        except BaseException:
            # where the load has left nothing, the reason is on its way already
            with suppress(LoadError):
                self._finish(item, run, stopped=True)
            raise
        else:
            self._finish(item, run)
        finally:
            self.live.end()
            run.close()

    def _measure(self, case: Case, item: pytest.Item, served: Served) -> Measuring:
        from pytest_npuperf.measuring import measure, measure_pairs

        log = self._directory.log_of(case.name, self.results)
        note, budgets, sides = self._directory.note_into(log), self.budgets(item, case), self._sides
        client = self._client_settings()
        if sides is not None:
            return measure_pairs(
                case,
                lambda side: self._targets(side, sides.up(side)).find(case, note),
                nodeid=item.nodeid,
                log=log,
                note=note,
                client=client,
            )
        return measure(
            case,
            self._targets("", served).find(case, note),
            nodeid=item.nodeid,
            log=log,
            note=note,
            client=client,
            confirmations=self.settings.confirm,
            is_unsettled=lambda result: self._is_unsettled(result, budgets),
        )

    def _is_unsettled(self, result: CaseResult, budgets: Sequence[Budget]) -> bool:
        # judged on a copy: what is found now is no verdict of the case yet
        verdicts = replace(result, judging=self._judging(result), verdicts=[]).judge(budgets)
        return any(verdict.unsettled and not verdict.budget.advisory for verdict in verdicts)

    def _finish(self, item: pytest.Item, run: Measuring, *, stopped: bool = False) -> None:
        from pytest_npuperf.pairing import Pairing

        result = run.finish(stopped=stopped)
        other = run.other if isinstance(run, Pairing) else None
        if other is not None:
            item.stash.setdefault(OTHERS, []).append(other)
            self.results.append(other)
        self._add(item, result, other)

    @contextmanager
    def recording(self, item: pytest.Item, served: Served) -> Iterator[httpx.AsyncClient]:
        """A client whose traffic becomes a case of the item; ``end_recording`` makes it one."""
        from pytest_npuperf.recorder import Recording

        if self._sides is not None:
            served = self._sides.up("B")
        recording = item.stash[_RECORDING] = Recording(
            served.base_url, self._client_settings(), listed_models=served.listed
        )
        try:
            yield recording.client
        finally:
            recording.close()

    def end_recording(self, item: pytest.Item, error: BaseException | None = None) -> None:
        """Add the result of what an item's own client sent; ``error`` is what ended the item early.

        An item that came to its end has a result even where it sent nothing: that is no success.
        """
        recording: Recording | None = item.stash.get(_RECORDING, None)
        if recording is None or (error is not None and recording.is_empty):
            return
        name = self.next_name(item)
        result = recording.result(
            name=name,
            nodeid=item.nodeid,
            stopped=isinstance(error, (KeyboardInterrupt, pytest.exit.Exception)),
            note=self._directory.note_into(self._directory.log_of(name, self.results)),
        )
        self._add(item, result)

    def next_name(self, item: pytest.Item) -> str:
        """The name of the next case that an item measures by itself."""
        earlier = len(item.stash.get(RESULTS, []))
        return item.name if not earlier else f"{item.name}-{earlier + 1}"

    def budgets(self, item: pytest.Item, case: Case | None = None) -> list[Budget]:
        """The budgets of a case of an item: its own, those of the marker and of the command line."""
        own = case.slo if case is not None else ()
        return [*own, *item.stash.get(MARKED_BUDGETS, []), *self._slo]

    def judge(self, item: pytest.Item, budgets: list[Budget]) -> list[Verdict]:
        """Judge all results of an item by these budgets and the ones every case has.

        Those of A, where B is compared with it, have only what every case has.
        """
        results = item.stash.get(RESULTS, [])
        if not results:
            return []
        from pytest_npuperf.report import junit_properties

        verdicts = [verdict for other in item.stash.get(OTHERS, []) for verdict in other.judge_implied()]
        for result in results:
            if not result.not_measured:
                verdicts += result.judge(budgets) + result.judge_implied()
            item.user_properties += junit_properties(result)
            self._config.hook.pytest_npuperf_case_finished(config=self._config, result=result)
        return verdicts

    def note(self, item: pytest.Item, report: pytest.TestReport, *, is_case: bool) -> None:
        """Keep what became of an item that measured, or was to."""
        if is_case or RESULTS in item.stash or MARKED_BUDGETS in item.stash:
            self.reporting.note(report)

    def seeded(self, case: Case) -> Case:
        """The case with the seed of the run, where it has none of its own."""
        import msgspec

        return case if case.seed is not None else msgspec.structs.replace(case, seed=self.settings.seed)

    def judging_with(self, reference: FindReference) -> Judging:
        """How budgets are judged; ``reference`` finds what the relative ones are held against."""
        from pytest_npuperf.slo import Judging

        return Judging(
            reference=reference,
            on_inconclusive=self.settings.inconclusive,
            on_mismatch=self.settings.baseline_mismatch,
        )

    @cached_property
    def baselines(self) -> BaselineFinder:
        """What the run is compared with."""
        from pytest_npuperf.comparing import BaselineFinder

        return BaselineFinder(
            self.settings.baselines,
            self.settings.baseline,
            lambda result: self.reporting.made_with(result, self.server),
        )

    def _judging(self, result: CaseResult, other: CaseResult | None = None) -> Judging:
        from pytest_npuperf.comparing import beside

        stored = self.baselines.of(result)
        return self.judging_with(stored if other is None else beside(other, stored))

    def _add(self, item: pytest.Item, result: CaseResult, other: CaseResult | None = None) -> None:
        result = replace(result, location=_location(item), judging=self._judging(result, other))
        item.stash.setdefault(RESULTS, []).append(result)
        self.results.append(result)

    def _targets(self, side: str, served: Served) -> TargetFinder:
        from pytest_npuperf.target import TargetFinder

        if side not in self._target_finders:
            model = Path(self.settings.model) if self.settings.model else None
            self._target_finders[side] = TargetFinder(
                served.base_url,
                served.model,
                listed=served.listed,
                model_path=model if model is not None and model.is_dir() else None,
                api_key=self.settings.api_key,
                tls=self.settings.tls,
            )
        return self._target_finders[side]

    def _client_settings(self) -> ClientSettings:
        from pytest_npuperf.runner import ClientSettings

        settings = self.settings
        return ClientSettings(
            api_key=settings.api_key,
            tls=settings.tls,
            save_text=settings.save_text,
            health=settings.client_health,
        )

    def _status(self, text: str) -> None:
        if self.settings.debug:
            self.live.print(text)
        else:
            self.live.show(text)

    def finish(self, *, stopped: bool) -> None:
        """Write the report, if anything was started or measured."""
        if self._directory.is_made:
            self.reporting.write(self._directory.path, self.results, server=self.server, stopped=stopped)


def _location(item: pytest.Item) -> tuple[str, int]:
    path, line, _ = item.reportinfo()
    return (str(path), (line or 0) + 1) if Path(path).is_file() else ("", 0)


SESSION = pytest.StashKey[PerfSession]()
RESULTS = pytest.StashKey["list[CaseResult]"]()
OTHERS = pytest.StashKey["list[CaseResult]"]()
MARKED_BUDGETS = pytest.StashKey["list[Budget]"]()
_RECORDING = pytest.StashKey["Recording"]()
