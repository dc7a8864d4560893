"""``npuperf noise``: the same cases measured several times, and how far their figures lie apart by chance."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tabulate import tabulate

from pytest_npuperf.baselines import Baseline, check_baseline, load_baseline
from pytest_npuperf.commands.output import warn, write_lines
from pytest_npuperf.errors import LoadError, SettingsError
from pytest_npuperf.folders import BASELINES
from pytest_npuperf.report.cells import EMPTY
from pytest_npuperf.report.change import MAIN_FIGURES, Figure
from pytest_npuperf.report.change_table import figure_text
from pytest_npuperf.slo import StageRun
from pytest_npuperf.slo.noise import FEWEST_RUNS, noise_floor
from pytest_npuperf.slo.stage_run import figure

__all__ = ["measure_noise"]

_PASSED, _FAILED = 0, 1
"""Exit codes of pytest after which something was measured: whether budgets hold does not matter here."""
_HEADER = ("figure", "mean", "noise")


def measure_noise(runs: int, name: str, arguments: Sequence[str]) -> int:
    """Measure the same cases ``runs`` times and print the noise floor of their main figures; 0.

    Args:
        runs: How often, 3 at least.
        name: Of the baseline that the runs make up; those it has already count, too.
        arguments: Of pytest.

    Raises:
        SettingsError: Too few runs, or a name that cannot be that of a baseline.
        LoadError: A run measured nothing, or left nothing to compare with.
        BaselineError: The baseline is damaged.
    """
    if runs < FEWEST_RUNS:
        raise SettingsError(
            f"{runs} runs do not show how runs differ by chance: measure {FEWEST_RUNS} at least"
        )
    if "/" in name:
        raise SettingsError(f"--name {name!r} is a path: give the name of a baseline")
    check_baseline(name)
    folders = _folders(name, arguments)
    for number in range(1, runs + 1):
        warn(f"run {number} of {runs}")
        before = {folder: _files(folder) for folder in folders}
        _check(_pytest([*arguments, f"--npuperf-save-baseline={name}"]), number, runs)
        grown = [folder for folder in folders if _files(folder) - before[folder]]
        if not grown:
            raise LoadError(
                f"run {number} of {runs} saved nothing in the baseline {name!r}: its last lines say why. "
                "Give pytest what it needs to measure, and measure again"
            )
    write_lines(["", *_lines(load_baseline(str(grown[0]), grown[0].parent), name)])
    return 0


def _folders(name: str, arguments: Sequence[str]) -> list[Path]:
    """Where the baseline may come to lie: below the rootdir, which pytest chooses by where it starts and
    what it is given."""
    words = [
        word.partition("=")[2] if word.startswith("-") else word.partition("::")[0] for word in arguments
    ]
    given = [Path(word).absolute() for word in words if word and _exists(word)]
    starts = dict.fromkeys(folder for start in (Path.cwd(), *given) for folder in (start, *start.parents))
    return [folder / BASELINES / name for folder in starts]


def _exists(word: str) -> bool:
    try:
        return Path(word).exists()
    except OSError:  # too long a word for a name
        return False


def _files(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("[!.]*.json.gz")}


def _pytest(arguments: Sequence[str]) -> int:
    """Run pytest in a process of its own, which shares this one's terminal; its exit code."""
    with subprocess.Popen([sys.executable, "-m", "pytest", *arguments]) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:  # pytest has it, too, and has a server to end
                continue


def _check(code: int, number: int, runs: int) -> None:
    if code not in (_PASSED, _FAILED):
        raise LoadError(
            f"run {number} of {runs} measured nothing: pytest ended with exit code {code}. "
            "Try its arguments with pytest alone"
        )


def _lines(baseline: Baseline, name: str) -> Iterator[str]:
    for case in dict.fromkeys(run.case for run in baseline.runs):
        runs = [run.measured for run in baseline.runs_of(case)]
        if len(runs) < FEWEST_RUNS:
            yield f"{case}: {len(runs)} of {FEWEST_RUNS} runs that a noise floor needs"
            continue
        yield f"{case}: {len(runs)} runs"
        yield from _table(runs).splitlines()
        yield ""
    yield f"A budget names it so: ttft.p99 <= baseline({name}) + max(5 %, noise)"


def _table(runs: Sequence[StageRun]) -> str:
    rows = [
        (one.name, _mean_text(runs, one), _noise_text(noise_floor(runs, one.metric, one.statistic)))
        for one in MAIN_FIGURES
    ]
    return tabulate(rows, _HEADER, tablefmt="simple", disable_numparse=True)


def _mean_text(runs: Sequence[StageRun], wanted: Figure) -> str:
    values = [figure(run, wanted.metric, wanted.statistic)[0] for run in runs]
    known = [value for value in values if value is not None]
    return figure_text(sum(known) / len(known) if len(known) == len(runs) else None, wanted.metric)


def _noise_text(floor: float | None) -> str:
    return EMPTY if floor is None else f"{floor:.1%}"
