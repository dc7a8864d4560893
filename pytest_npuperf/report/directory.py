"""The report directory of a run, laid out as on the evaluation platform, and its zip."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from pytest_npuperf.report.files import common_json, details_blocks, performance_csv
from pytest_npuperf.report.names import case_stems, safe_stem
from pytest_npuperf.report.page import page_html
from pytest_npuperf.report.pictures import PictureFormat, case_pictures
from pytest_npuperf.report.plot import PLOTLY_SCRIPT, chunk_files, plot_html
from pytest_npuperf.report.summary_json import run_summary
from pytest_npuperf.report.windows import windows
from pytest_npuperf.result import CaseResult, RunRecord
from pytest_npuperf.text import encodable

__all__ = ["performance_folder", "write_report", "zip_report"]

Guard = Callable[[], AbstractContextManager[None]]

_ZIP_NAME = "report.zip"


def write_report(
    directory: Path,
    record: RunRecord,
    *,
    single_file: bool = False,
    pictures: PictureFormat | None = None,
    guard: Guard = nullcontext,
) -> list[dict[str, str]]:
    """Write the report of a run into ``directory``, which may exist and hold logs.

    Every file appears whole or not at all: what was measured before anything is drawn, ``summary.json``
    last. It names the files that were written.

    Args:
        directory: Where the report goes.
        record: The run.
        single_file: Whether ``report.html`` is to stand by itself, without links to the files beside it.
        pictures: The format in which each chart is written as a picture; None: it is not.
        guard: Entered around each part that can fail by itself; where it swallows an error, the others
            are still written. By default the first error ends the report.

    Returns:
        The pictures of each result: the title of the chart -> its path from ``directory``.

    Raises:
        OSError: The directory cannot be written.
    """
    performance = directory / performance_folder(record.abbr)
    for folder in (directory / "configs", directory / "logs" / "performance", performance):
        with guard():
            folder.mkdir(parents=True, exist_ok=True)
    for name, content in _configs(record).items():
        with guard():
            _write(directory / "configs" / name, _pretty_json(content))
    cases = [
        _CaseFiles(directory, record.abbr, stem, result, guard)
        for stem, result in zip(
            case_stems([result.name for result in record.results]), record.results, strict=True
        )
    ]
    for case in cases:
        case.write_data()
    if cases:
        with guard():
            _write(performance / PLOTLY_SCRIPT, _plotly_script())
    for case in cases:
        case.write_plot()
    files = [case.files for case in cases]
    with guard():
        _write(directory / "report.html", page_html(record, files, single_file=single_file))
    for case in cases:
        if pictures is not None:
            case.write_pictures(pictures)
    drawn = [case.pictures for case in cases]
    with guard():
        _write(directory / "summary.json", _pretty_json(run_summary(record, files, drawn)))
    return drawn


def performance_folder(abbr: str) -> Path:
    """Where the files of the cases lie, from the report directory."""
    return Path("performance", safe_stem(abbr))


def zip_report(directory: Path) -> Path:
    """Pack a report directory into ``report.zip`` inside it; unzipped it is the directory again."""
    target = directory / _ZIP_NAME
    growing = directory / f".{_ZIP_NAME}.tmp"
    with _removed_on_error(growing):
        with zipfile.ZipFile(growing, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
            for path in sorted(directory.rglob("*")):
                if path not in (target, growing):
                    archive.write(path, Path(directory.name, path.relative_to(directory)))
        growing.replace(target)
    return target


def _configs(record: RunRecord) -> dict[str, Any]:
    return {
        "settings.json": record.settings,
        "cases.json": [
            {"name": result.name, "nodeid": result.nodeid, "settings": result.settings}
            for result in record.results
        ],
        "environment.json": record.environment,
        "server.json": record.server,
    }


@dataclass(frozen=True, slots=True)
class _CaseFiles:
    """The files of one case, and which of them have been written: their paths from ``directory``."""

    directory: Path
    abbr: str
    stem: str
    result: CaseResult
    guard: Guard
    files: dict[str, str] = field(default_factory=dict)
    pictures: dict[str, str] = field(default_factory=dict)

    def write_data(self) -> None:
        """Write what was measured."""
        summaries, trace = self.result.summaries, self.result.trace
        with self.guard():
            self._write("performance", f"{self.stem}.csv", [performance_csv(summaries)])
        with self.guard():
            self._write("common", f"{self.stem}.json", [common_json(summaries)])
        with self.guard():
            self._write("details", f"{self.stem}_details.json", details_blocks(trace))

    def write_plot(self) -> None:
        """Write the concurrency visualization; its page comes last, where all that it loads is there."""
        result, picture_name = self.result, f"{self.stem}_plot"
        title = f"Concurrency visualization of {self.abbr}/{self.stem}" + (
            " (stopped)" if result.stopped else ""
        )
        with self.guard():
            for name, content in chunk_files(result.trace, picture_name=picture_name):
                path = self.directory / performance_folder(self.abbr) / name
                path.parent.mkdir(exist_ok=True)
                _write(path, content)
            page = plot_html(result.trace, title=title, picture_name=picture_name, windows=windows(result))
            self._write("plot", f"{picture_name}.html", [page])

    def write_pictures(self, picture_format: PictureFormat) -> None:
        """Write each chart as a picture."""
        with self.guard():
            for title, name, content in case_pictures(self.result, picture_format):
                path = Path("pictures", self.stem, name)
                (self.directory / path).parent.mkdir(parents=True, exist_ok=True)
                _write(self.directory / path, content)
                self.pictures[title] = path.as_posix()

    def _write(self, what: str, name: str, pieces: Iterable[bytes]) -> None:
        path = performance_folder(self.abbr) / name
        _write_pieces(self.directory / path, pieces)
        self.files[what] = path.as_posix()


def _write(path: Path, content: bytes) -> None:
    _write_pieces(path, [content])


def _write_pieces(path: Path, pieces: Iterable[bytes]) -> None:
    growing = path.with_name(f".{path.name}.tmp")
    with _removed_on_error(growing):
        with growing.open("wb") as file:
            file.writelines(pieces)
        growing.replace(path)


@contextmanager
def _removed_on_error(growing: Path) -> Iterator[None]:
    """A half of a file is of no use, and where the disk is full the others need its room."""
    try:
        yield
    except BaseException:
        with suppress(OSError):
            growing.unlink()
        raise


def _pretty_json(content: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(_plain(content)), indent=2) + b"\n"


def _plain(content: Any) -> Any:
    """The content as JSON can hold it; what is no JSON value (a path, say) as its text."""
    if isinstance(content, Mapping):
        return {encodable(str(key)): _plain(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_plain(value) for value in content]
    if content is None or isinstance(content, (bool, int, float)):
        return content
    return encodable(str(content))


def _plotly_script() -> bytes:
    return (resources.files("plotly") / "package_data" / PLOTLY_SCRIPT).read_bytes()
