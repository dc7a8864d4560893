"""The collector of a pytest run: it gathers case results and decides when reports are written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from pytest_npuperf.errors import CaseError, LoadError
from pytest_npuperf.options import Settings
from pytest_npuperf.terminal import LiveLine

if TYPE_CHECKING:
    import httpx

    from pytest_npuperf.adapter import Served
    from pytest_npuperf.case import Case
    from pytest_npuperf.case_file import ServerSection
    from pytest_npuperf.explorer import Explorer
    from pytest_npuperf.recorder import Recording
    from pytest_npuperf.result import CaseResult, RunRecord
    from pytest_npuperf.runner import CaseRun, ClientSettings
    from pytest_npuperf.slo.budget import Budget
    from pytest_npuperf.slo.verdict import Verdict
    from pytest_npuperf.target import TargetFinder

__all__ = ["RESULTS", "SESSION", "PerfSession"]


class PerfSession:
    """Everything of one pytest run that outlives a single case."""

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self.settings = settings
        self.results: list[CaseResult] = []
        self.outcomes: dict[str, str] = {}
        """Outcome of each measured item by its node id: passed, failed, error."""
        self._record: RunRecord | None = None
        self._ci_lines: list[str] = []
        self._config = config
        self._server_section: tuple[Path, ServerSection] | None = None
        self._served: Served | None = None
        self._target_finder: TargetFinder | None = None
        self._directory: Path | None = None
        self._started = _now()
        self.live = LiveLine(config)

    @property
    def directory(self) -> Path:
        """The directory of this run; it is made when something is put into it."""
        if self._directory is None:
            self._directory = self.settings.report_dir / uuid4().hex
            (self._directory / "logs" / "performance").mkdir(parents=True)
            ignore = self.settings.report_dir / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n")
        return self._directory

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
        from pytest_npuperf.case_file import ServerSection
        from pytest_npuperf.serving import serving

        section = self._server_section[1] if self._server_section else ServerSection()
        with serving(self.settings, section, logs=self.directory / "logs", note=self._status) as served:
            self.live.end()
            self._served = served
            yield served

    @contextmanager
    def measuring(self, case: Case, item: pytest.Item, served: Served) -> Iterator[CaseRun | Explorer]:
        """A case while it runs; its result is added at the end, also when it is interrupted."""
        import msgspec

        from pytest_npuperf.explorer import measure

        if case.seed is None:
            case = msgspec.structs.replace(case, seed=self.settings.seed)
        log = self._log(case.name)
        note = self._step_log(log)
        target = self._targets(served).find(case, note)
        run = measure(case, target, nodeid=item.nodeid, log=log, note=note, client=self._client_settings())
        try:
            yield run
        except BaseException:
            # where the load has left nothing, the reason is on its way already
            with suppress(LoadError):
                self._add(item, run.finish(stopped=True))
            raise
        else:
            self._add(item, run.finish())
        finally:
            self.live.end()
            run.close()

    @contextmanager
    def recording(self, item: pytest.Item, served: Served) -> Iterator[httpx.AsyncClient]:
        """A client whose traffic becomes a case of the item; ``end_recording`` makes it one."""
        from pytest_npuperf.recorder import Recording

        recording = item.stash[_RECORDING] = Recording(served.base_url, self._client_settings())
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
            note=self._step_log(self._log(name)),
        )
        self._add(item, result)

    def next_name(self, item: pytest.Item) -> str:
        """The name of the next case that an item measures by itself."""
        earlier = len(item.stash.get(RESULTS, []))
        return item.name if not earlier else f"{item.name}-{earlier + 1}"

    def judge(self, item: pytest.Item, budgets: list[Budget]) -> list[Verdict]:
        """Judge all results of an item by these budgets and the ones every case has."""
        from pytest_npuperf.report import junit_properties

        verdicts: list[Verdict] = []
        for result in item.stash.get(RESULTS, []):
            if not result.not_measured:
                verdicts += result.judge(budgets) + result.judge_implied()
            item.user_properties += junit_properties(result)
            self._config.hook.pytest_npuperf_case_finished(config=self._config, result=result)
        return verdicts

    def _add(self, item: pytest.Item, result: CaseResult) -> None:
        result = replace(result, location=_location(item))
        item.stash.setdefault(RESULTS, []).append(result)
        self.results.append(result)

    def _targets(self, served: Served) -> TargetFinder:
        from pytest_npuperf.target import TargetFinder

        if self._target_finder is None:
            model = Path(self.settings.model) if self.settings.model else None
            self._target_finder = TargetFinder(
                served.base_url,
                served.model,
                model_path=model if model is not None and model.is_dir() else None,
                api_key=self.settings.api_key,
                tls=self.settings.tls,
            )
        return self._target_finder

    def _client_settings(self) -> ClientSettings:
        from pytest_npuperf.runner import ClientSettings

        settings = self.settings
        return ClientSettings(
            api_key=settings.api_key,
            tls=settings.tls,
            save_text=settings.save_text,
            health=settings.client_health,
        )

    def _log(self, name: str) -> Path:
        """The log of the next case, under the file name that the report will give it."""
        from pytest_npuperf.report import case_stems

        stem = case_stems([*(result.name for result in self.results), name])[-1]
        return self.directory / "logs" / "performance" / f"{stem}.log"

    def _status(self, text: str) -> None:
        if self.settings.debug:
            self.live.print(text)
        else:
            self.live.show(text)

    def _step_log(self, log: Path) -> Callable[[str], None]:
        def note(text: str) -> None:
            with log.open("a", encoding="utf-8") as file:
                file.write(f"{_now()} {text}\n")
            if self.settings.debug:
                self.live.print(text)

        return note

    def header(self) -> str | None:
        """What is measured, for pytest's header; None where nothing is."""
        settings = self.settings
        if not settings.has_target:
            return None
        target = "base_url" if settings.base_url else "model"
        return (
            f"npuperf: {target} {getattr(settings, target)} (from {settings.sources[target]}), "
            f"seed {settings.seed} ({settings.sources['seed']})"
        )

    def finish(self, *, stopped: bool) -> None:
        """Write the report, if anything was started or measured."""
        if self._directory is None:
            return
        from pytest_npuperf.report import write_ci_outputs, write_report, zip_report

        self._record = self._make_record(self._directory, stopped)
        write_report(self._directory, self._record)
        self._config.hook.pytest_npuperf_write_report(
            config=self._config, record=self._record, directory=self._directory
        )
        if self.settings.zip:
            zip_report(self._directory)
        self._ci_lines = write_ci_outputs(
            self._record,
            self._directory,
            environ=os.environ,
            outcomes=self.outcomes,
            markdown=self.settings.markdown,
            openmetrics=self.settings.openmetrics,
        )

    def print_tables(self, reporter: pytest.TerminalReporter) -> None:
        """Print the tables of all results and where the files are."""
        if self._record is None or not self.results:
            return
        from pytest_npuperf.report import console_lines

        lines = console_lines(
            self._record,
            self._directory,
            verbosity=reporter.config.get_verbosity(),
            outcomes=self.outcomes,
        )
        reporter.section("serving performance")
        for line in [*lines, *self._ci_lines]:
            reporter.write_line(line)

    def _make_record(self, directory: Path, stopped: bool) -> RunRecord:
        from pytest_npuperf.environment import describe_environment
        from pytest_npuperf.result import RunRecord

        config = self._config
        environment = describe_environment(
            config.rootpath, config.invocation_params.args, seed=self.settings.seed
        )
        stamps = {result.trace.kernel_stamps for result in self.results}
        environment["receive_stamps"] = {True: "kernel", False: "client"}[all(stamps)] if stamps else None
        config.hook.pytest_npuperf_environment(config=config, environment=environment)
        return RunRecord(
            run_id=directory.name,
            abbr=self.settings.abbr,
            started=self._started,
            finished=_now(),
            stopped=stopped,
            settings=self.settings.described(),
            environment=environment,
            server=self.server,
            results=tuple(self.results),
        )


def _location(item: pytest.Item) -> tuple[str, int]:
    path, line, _ = item.reportinfo()
    return (str(path), (line or 0) + 1) if Path(path).is_file() else ("", 0)


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="milliseconds")


SESSION = pytest.StashKey[PerfSession]()
RESULTS = pytest.StashKey["list[CaseResult]"]()
_RECORDING = pytest.StashKey["Recording"]()
