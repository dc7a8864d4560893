"""The report directory of a run, laid out as on the evaluation platform, and its zip."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from pytest_npuperf.report.files import common_json, details_json, performance_csv
from pytest_npuperf.report.names import case_stems, safe_stem
from pytest_npuperf.report.page import page_html
from pytest_npuperf.report.pictures import PictureFormat, case_pictures
from pytest_npuperf.report.plot import PLOTLY_SCRIPT, chunk_files, plot_html
from pytest_npuperf.report.summary_json import run_summary
from pytest_npuperf.report.windows import windows
from pytest_npuperf.result import CaseResult, RunRecord
from pytest_npuperf.text import encodable

__all__ = ["performance_folder", "write_report", "zip_report"]

_ZIP_NAME = "report.zip"


def write_report(
    directory: Path,
    record: RunRecord,
    *,
    single_file: bool = False,
    pictures: PictureFormat | None = None,
) -> list[dict[str, str]]:
    """Write the report of a run into ``directory``, which may exist and hold logs.

    Every file appears whole or not at all, ``summary.json`` last: where it is, the report is
    complete.

    Args:
        directory: Where the report goes.
        record: The run.
        single_file: Whether ``report.html`` is to stand by itself, without links to the files beside it.
        pictures: The format in which each chart is written as a picture; None: it is not.

    Returns:
        The pictures of each result: the title of the chart -> its path from ``directory``.

    Raises:
        OSError: The directory cannot be written.
    """
    performance = directory / performance_folder(record.abbr)
    for folder in (directory / "configs", directory / "logs" / "performance", performance):
        folder.mkdir(parents=True, exist_ok=True)
    for name, content in _configs(record).items():
        _write(directory / "configs" / name, _pretty_json(content))
    if record.results:
        _write(performance / PLOTLY_SCRIPT, _plotly_script())
    stems = case_stems([result.name for result in record.results])
    files = [
        _write_case(directory, record.abbr, stem, result)
        for stem, result in zip(stems, record.results, strict=True)
    ]
    _write(
        directory / "report.html",
        page_html(record, files, single_file=single_file),
    )
    drawn = [
        _write_pictures(directory, stem, result, pictures)
        for stem, result in zip(stems, record.results, strict=True)
    ]
    _write(directory / "summary.json", _pretty_json(run_summary(record, files, drawn)))
    return drawn


def performance_folder(abbr: str) -> Path:
    """Where the files of the cases lie, from the report directory."""
    return Path("performance", safe_stem(abbr))


def zip_report(directory: Path) -> Path:
    """Pack a report directory into ``report.zip`` inside it; unzipped it is the directory again."""
    target = directory / _ZIP_NAME
    growing = directory / f".{_ZIP_NAME}.tmp"
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


def _write_case(directory: Path, abbr: str, stem: str, result: CaseResult) -> dict[str, str]:
    """Write the files of a case; what each of the four is -> its path from the report directory."""
    title = f"Concurrency visualization of {abbr}/{stem}" + (" (stopped)" if result.stopped else "")
    contents = {
        "performance": (f"{stem}.csv", performance_csv(result.summaries)),
        "common": (f"{stem}.json", common_json(result.summaries)),
        "details": (f"{stem}_details.json", details_json(result.trace)),
        "plot": (
            f"{stem}_plot.html",
            plot_html(
                result.trace,
                title=title,
                picture_name=f"{stem}_plot",
                windows=windows(result),
            ),
        ),
    }
    paths = {}
    for what, (name, content) in contents.items():
        path = performance_folder(abbr) / name
        _write(directory / path, content)
        paths[what] = path.as_posix()
    for name, content in chunk_files(result.trace, picture_name=f"{stem}_plot"):
        path = directory / performance_folder(abbr) / name
        path.parent.mkdir(exist_ok=True)
        _write(path, content)
    return paths


def _write_pictures(
    directory: Path, stem: str, result: CaseResult, picture_format: PictureFormat | None
) -> dict[str, str]:
    paths: dict[str, str] = {}
    for title, name, content in case_pictures(result, picture_format) if picture_format else ():
        path = Path("pictures", stem, name)
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        _write(directory / path, content)
        paths[title] = path.as_posix()
    return paths


def _write(path: Path, content: bytes) -> None:
    growing = path.with_name(f".{path.name}.tmp")
    growing.write_bytes(content)
    growing.replace(path)


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
