"""The files of a report that are read back, and what each has to hold."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from pytest_npuperf.capacity import Step
from pytest_npuperf.capacity.exploration import EndReason
from pytest_npuperf.capacity.settings import LoadAxis
from pytest_npuperf.errors import ReportError
from pytest_npuperf.metrics import ClientHealth
from pytest_npuperf.report.summary_json import SCHEMA_VERSION
from pytest_npuperf.slo.verdict import Consequence, Outcome

__all__ = [
    "CaseEntry",
    "CaseSettings",
    "ExplorationEntry",
    "RequestEntry",
    "RunEntry",
    "UnmeasuredEntry",
    "VerdictEntry",
    "read_case_settings",
    "read_requests",
    "read_run",
    "report_directory",
]

_SUMMARY = "summary.json"
_CASES = PurePosixPath("configs", "cases.json")
_SHOWN = 3
"""Reports that an error offers."""

# What is beyond these bounds no run has measured, and a column of int64 could not hold it.
_Seconds = Annotated[float, Meta(ge=-1e9, le=1e9)]
_Duration = Annotated[float, Meta(ge=0, le=1e9)]
_Count = Annotated[int, Meta(ge=0, le=2**53)]
_Ordinal = Annotated[int, Meta(ge=1, le=2**53)]

_Content = TypeVar("_Content")


class VerdictEntry(msgspec.Struct, kw_only=True):
    """A verdict in ``summary.json``; figures in the metric's own unit."""

    expression: str
    stage: str
    metric: str
    statistic: str | None
    comparison: str
    bound: float | None
    measured: float | None
    measured_is_infinite: bool = False
    of_successes: float | None = None
    low: float | None = None
    high: float | None = None
    n: int
    needed_n: int | None = None
    baseline: float | None = None
    implied: bool
    advisory: bool = False
    require_support: bool = False
    outcome: Outcome
    consequence: Consequence | None = None
    """None in older files."""
    close: bool = False
    reason: str = ""
    mismatches: list[str] = []


class ExplorationEntry(msgspec.Struct, kw_only=True):
    """The steps of a search or a sweep in ``summary.json``."""

    axis: LoadAxis
    budgets: list[str]
    """Of a search; a sweep has none."""
    found: float | None
    neighbour: float | None
    reason: EndReason
    steps: list[Step]


class _Stage(msgspec.Struct):
    max_concurrency: _Ordinal | None = None


class CaseEntry(msgspec.Struct, kw_only=True):
    """A case in ``summary.json``; a key that came later has what its absence means."""

    name: str
    nodeid: str
    outcome: str = "passed"
    failure: str = ""
    started: str
    stopped: bool
    aborted: str = ""
    files: dict[str, str]
    client_health: ClientHealth
    not_measured: str = ""
    suspect: list[str] = []
    vacuous: list[str] = []
    confirmations: _Count = 0
    prompts_hash: str = ""
    warmup_window: tuple[_Seconds, _Seconds] | None = None
    steady_window: tuple[_Seconds, _Seconds] | None = None
    no_steady: str = ""
    verdicts: list[VerdictEntry]
    exploration: ExplorationEntry | None = None
    stages: dict[str, _Stage]


class UnmeasuredEntry(msgspec.Struct, kw_only=True):
    """A case in ``summary.json`` that failed before anything was measured."""

    nodeid: str
    outcome: str
    failure: str


class RunEntry(msgspec.Struct, kw_only=True):
    """What of ``summary.json`` is read back."""

    run_id: str
    environment: dict[str, Any]
    server: dict[str, Any]
    cases: list[CaseEntry]
    unmeasured: list[UnmeasuredEntry] = []


class CaseSettings(msgspec.Struct):
    """A case in ``configs/cases.json``."""

    name: str
    settings: dict[str, Any]


class RequestEntry(msgspec.Struct, kw_only=True):
    """A request in ``<case>_details.json``; seconds from the first request sent, null where unknown."""

    id: str
    success: bool
    error: str | None
    error_text: str | None = None
    status: _Count | None
    start_time: _Seconds
    prefill_latency: _Duration | None
    end_time: _Seconds
    scheduled_time: _Seconds | None
    connect_time: _Duration | None = None
    retries: _Count = 0
    input_tokens: _Count | None
    output_tokens: _Count | None
    cached_tokens: _Count | None = None
    tokens_estimated: bool
    asked_input_tokens: _Count | None = None
    asked_output_tokens: _Count | None = None
    turn: _Ordinal | None = None
    conversation: _Count | None = None
    finish_reason: str | None = None
    model: str | None = None
    text: str | None = None
    chunk_times: list[_Seconds]


class _Version(msgspec.Struct):
    schema_version: int


class _Npu(msgspec.Struct):
    npu_smi: str | None = None
    ascend_toolkit_home: str | None = None


class _Environment(msgspec.Struct):
    """What a fingerprint is made of."""

    npu: _Npu | None = None
    machine: dict[str, Any] | None = None
    packages: dict[str, Any] | None = None


def report_directory(path: Path) -> Path:
    """The directory of a report that is given by itself or by its ``summary.json``.

    Raises:
        ReportError: There is no report.
    """
    directory = path.parent if path.name == _SUMMARY else path
    if (directory / _SUMMARY).is_file():
        return directory
    if path.suffix == ".zip":
        raise ReportError(f"{path} is packed: unpack it, and give the folder that was in it")
    if not path.exists():
        raise ReportError(f"there is no report {path}: give the folder of a run, or the {_SUMMARY} in it")
    raise ReportError(
        f"{path} is no report, as it has no {_SUMMARY}, which a run writes last: "
        f"give the folder of a run{_reports_in(path)}"
    )


def read_run(directory: Path) -> RunEntry:
    """What ``summary.json`` says.

    Raises:
        ReportError: It is damaged or of a newer version, or cannot be read.
    """
    path = directory / _SUMMARY
    content = _content(path)
    version = _decoded(content, _Version, path).schema_version
    if version > SCHEMA_VERSION:
        raise ReportError(
            f"{path} has schema_version {version}, and this pytest-npuperf reads up to {SCHEMA_VERSION}: "
            "update it, or read the report with the one that wrote it"
        )
    run = _decoded(content, RunEntry, path)
    try:
        msgspec.convert(run.environment, _Environment)
    except msgspec.ValidationError as exc:
        raise _damaged(path, f"environment: {exc}") from exc
    for case in run.cases:
        for name in ("warmup_window", "steady_window"):
            window = getattr(case, name)
            if window is not None and window[0] >= window[1]:
                raise _damaged(path, f"a {name} of {window} has no length")
    return run


def read_case_settings(directory: Path, run: RunEntry) -> list[dict[str, Any]]:
    """The settings of each case, in the order of ``run``.

    Raises:
        ReportError: The file is missing or damaged, or is that of another run.
    """
    path = directory / _CASES
    cases = _decoded(_content(path), list[CaseSettings], path)
    if [case.name for case in cases] != [case.name for case in run.cases]:
        raise _damaged(path, f"it has other cases than {_SUMMARY}")
    return [case.settings for case in cases]


def read_requests(directory: Path, case: CaseEntry) -> list[RequestEntry]:
    """Every request of a case.

    Raises:
        ReportError: The file is missing or damaged, or lies elsewhere.
    """
    name = PurePosixPath(case.files.get("details", ""))
    if not name.parts or name.is_absolute() or ".." in name.parts:
        raise _damaged(directory / _SUMMARY, f"details have to be a file of the report, not {str(name)!r}")
    path = directory / name
    requests = _decoded(_content(path), list[RequestEntry], path)
    for request in requests:
        _check(request, path)
    return requests


def _check(request: RequestEntry, path: Path) -> None:
    if request.success is bool(request.error):
        error = f"the error {request.error!r}" if request.error else "no error"
        raise _damaged(path, f"{request.id!r} has success {request.success} and {error}")
    if request.end_time < request.start_time:
        raise _damaged(path, f"{request.id!r} ends at {request.end_time}, before {request.start_time}")


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as exc:
        raise _damaged(path, "it is missing") from exc
    except (OSError, ValueError) as exc:  # a name with a NUL in it is a ValueError
        raise ReportError(f"{path} cannot be read: {exc}") from exc


def _decoded(content: bytes, of: type[_Content], path: Path) -> _Content:
    try:
        return msgspec.json.decode(content, type=of)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise _damaged(path, str(exc)) from exc


def _damaged(path: Path, why: str) -> ReportError:
    return ReportError(f"the report is damaged: {path}: {why}. Copy it again, all of it, or measure again")


def _reports_in(path: Path) -> str:
    """The newest reports below a folder of reports, for the end of an error's sentence."""
    found = sorted(path.glob(f"*/{_SUMMARY}"), key=lambda file: file.stat().st_mtime, reverse=True)
    names = ", ".join(str(file.parent) for file in found[:_SHOWN])
    return f", such as {names}" if names else ""
