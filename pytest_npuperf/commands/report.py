"""``npuperf report``: one page over many saved reports."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from pytest_npuperf.baselines import load_baseline
from pytest_npuperf.commands.figures import parse_figure
from pytest_npuperf.commands.output import warn, write_lines
from pytest_npuperf.commands.places import baselines_folder
from pytest_npuperf.commands.trends import history_of
from pytest_npuperf.errors import ReportError, SettingsError
from pytest_npuperf.report.history import History, history_html
from pytest_npuperf.saved.figures import RunFigures, read_figures
from pytest_npuperf.text import printable

__all__ = ["FIGURES", "write_history"]

FIGURES = ("ttft.p50", "ttft.p99", "tpot.p50", "tpot.p99", "e2el.p99", "output_token_throughput")
"""What is shown where nobody asks for something else."""

_SUMMARY = "summary.json"
_BEGUN = Path("configs", "settings.json")
"""What a report has first."""
_KEPT = "avg, min, max, median, p50, p75, p90 and p99"


def write_history(
    places: Sequence[Path], figures: Sequence[str], *, output: Path, baseline: str | None
) -> int:
    """Write the page; 0 where any report could be read.

    Args:
        places: Reports, or folders that have some at any depth.
        figures: Such as ``ttft.p99``; the usual ones where there are none.
        output: Where the page goes; what is there is replaced.
        baseline: What to draw beside the figures, by its name or path.

    Raises:
        ReportError: No report could be read.
        SettingsError: There is no such figure, or the page cannot be written.
        BaselineError: The baseline is missing or damaged.
    """
    wanted = [parse_figure(text) for text in dict.fromkeys(figures or FIGURES)]
    stored = load_baseline(baseline, baselines_folder(Path.cwd())) if baseline is not None else None
    runs, left_out = _read(places)
    for reason in left_out:
        warn(f"left out: {reason}")
    if not runs:
        raise ReportError(
            "there is no report to show: give the folders of runs, or folders that have such folders in them"
        )
    history = history_of(runs, wanted, stored, left_out, page_folder=output.parent)
    if figures:
        _check_shown(history)
    _write(output, history_html(history))
    write_lines([f"{len(runs)} run{'s' if len(runs) > 1 else ''}: {output}"])
    return 0


def _read(places: Sequence[Path]) -> tuple[list[RunFigures], list[str]]:
    """The runs, each once, and why other reports are none of them."""
    runs: dict[str, RunFigures] = {}
    left_out: list[str] = []
    found = {folder.resolve(): folder for place in places for folder in _reports(place)}
    for path in found.values():
        try:
            run = read_figures(path)
        except ReportError as exc:
            left_out.append(str(exc))
            continue
        if run.run_id in runs:
            left_out.append(f"{path} is the same run as {runs[run.run_id].directory}")
        else:
            runs[run.run_id] = run
    return list(runs.values()), left_out


def _reports(place: Path) -> Iterator[Path]:
    """The reports at or below a place, and those that were begun there; itself where there are none."""
    found = list(_below(place)) if place.is_dir() else []
    yield from found or [place.parent if place.name == _SUMMARY else place]


def _below(place: Path) -> Iterator[Path]:
    for folder, below, files in os.walk(place):
        below.sort()
        if _SUMMARY in files or (Path(folder) / _BEGUN).is_file():
            below.clear()
            yield Path(folder)


def _check_shown(history: History) -> None:
    """Whether each figure that was asked for is there.

    Raises:
        SettingsError: One is in none of the reports.
    """
    trends = [trend for case in history.cases for trend in case.trends]
    shown = {trend.figure.name for trend in trends for point in trend.points if point.value is not None}
    missing = [name for name in dict.fromkeys(trend.figure.name for trend in trends) if name not in shown]
    if missing:
        raise SettingsError(
            f"no report has {', '.join(missing)}: the {_SUMMARY} of a report keeps {_KEPT} of a metric, and "
            "the stages that its case had; name other figures"
        )


def _write(output: Path, content: bytes) -> None:
    growing = output.with_name(f".{output.name}.{os.getpid()}.tmp")
    try:
        growing.write_bytes(content)
        growing.replace(output)
    except OSError as exc:
        growing.unlink(missing_ok=True)
        raise SettingsError(
            f"the page cannot be written to {printable(str(output))}: {exc}; "
            "give --output a file in a folder that exists"
        ) from exc
