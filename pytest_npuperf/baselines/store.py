"""Baselines on disk: a folder for each name, in it a file for each run of each stage of a case."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_npuperf.baselines.file import BaselineRun, decoded, encoded
from pytest_npuperf.baselines.fingerprint import Fingerprint, mismatches
from pytest_npuperf.errors import BaselineError, NoBaselineError
from pytest_npuperf.slo.reference import Reference
from pytest_npuperf.slo.vocabulary import BASELINE_NAME, BASELINE_NAMES

__all__ = ["Baseline", "check_baseline", "check_name", "full_name", "load_baseline", "save_baseline"]

_SUFFIX = ".json.gz"
_LEVEL = 6
"""Of compression: 9 takes six times as long for 5 % less."""


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """All that is stored under a name."""

    name: str
    path: Path
    runs: tuple[BaselineRun, ...]
    """In the order in which they were started.

    Where items of several files have stored a case of one name, its runs have more than the name for
    ``case``: ``short/npuperf.yaml::chat``.
    """

    def runs_of(self, case: str, stage: str = "total", *, node: str = "") -> tuple[BaselineRun, ...]:
        """The runs of a stage of a case: those of its item, or else those of its name.

        Args:
            case: With its parameters.
            stage: Of the case.
            node: The node id of its item; "" looks for the name alone.

        Raises:
            NoBaselineError: There is none.
        """
        for name in dict.fromkeys((full_name(case, node), case)):
            found = tuple(run for run in self.runs if (run.case, run.stage) == (name, stage))
            if found:
                return found
        stored = ", ".join(sorted({f"{run.case} ({run.stage})" for run in self.runs}))
        raise NoBaselineError(
            f"baseline {self.name!r} has no run of {case} ({stage}); it has {stored}. "
            f"Measure it once with --npuperf-save-baseline={self.name}"
        )

    def reference(
        self, case: str, stage: str = "total", *, node: str = "", current: Fingerprint | None = None
    ) -> Reference:
        """What a stage of a case is compared with.

        Args:
            case: With its parameters.
            stage: Of the case.
            node: The node id of its item, which tells cases of one name apart.
            current: What the run to compare was made with; None leaves mismatches out.

        Raises:
            NoBaselineError: It is not stored.
        """
        stored = self.runs_of(case, stage, node=node)
        runs = tuple(run.measured for run in stored)
        differing = [what for run in stored for what in mismatches(run.fingerprint, current or {})]
        return Reference(
            self.name,
            runs,
            tuple(dict.fromkeys(differing)),
        )


def save_baseline(directory: Path, name: str, run: BaselineRun) -> Path:
    """Add a run to a baseline and return its file, whose name is the SHA-256 of what it holds.

    The file appears whole or not at all. The same run again is the same file.

    Args:
        directory: Where the baselines are: ``.npuperf/baselines``.
        name: Of the baseline.
        run: What to add.

    Raises:
        BaselineError: The name is not valid, or the run measured nothing to compare with.
        OSError: The file cannot be written.
    """
    folder = directory / check_name(name)
    content = encoded(run)
    target = folder / f"{hashlib.sha256(content).hexdigest()}{_SUFFIX}"
    folder.mkdir(parents=True, exist_ok=True)
    growing = folder / f".{target.name}.{os.getpid()}.tmp"
    try:
        growing.write_bytes(gzip.compress(content, compresslevel=_LEVEL, mtime=0))
        growing.replace(target)
    finally:
        growing.unlink(missing_ok=True)
    return target


def load_baseline(name_or_path: str, directory: Path) -> Baseline:
    """The baseline of a name in ``directory``, or of a path where it has a slash in it.

    Raises:
        NoBaselineError: There is none.
        BaselineError: The name is not valid, or a file is damaged, of a newer version or unreadable.
    """
    path = Path(name_or_path) if _is_path(name_or_path) else directory / check_name(name_or_path)
    files = sorted(path.glob(f"[!.]*{_SUFFIX}"))
    if not files:
        raise NoBaselineError(
            f"there is no baseline in {path}{_others(path.parent)}; "
            f"make one with --npuperf-save-baseline={path.name}"
        )
    runs = sorted((_read(file) for file in files), key=lambda run: run.started)
    return Baseline(path.name, path, tuple(_told_apart(runs)))


def check_baseline(name_or_path: str) -> None:
    """Whether it can be that of a baseline, which need not exist.

    Raises:
        BaselineError: The name is not valid.
    """
    if not _is_path(name_or_path):
        check_name(name_or_path)


def _is_path(name_or_path: str) -> bool:
    return "/" in name_or_path or os.sep in name_or_path


def check_name(name: str) -> str:
    """The name, where a baseline can be saved under it.

    Raises:
        BaselineError: It is not valid.
    """
    if BASELINE_NAME.fullmatch(name):
        return name
    raise BaselineError(f"{name!r} is no name for a baseline: {BASELINE_NAMES}")


def _told_apart(runs: Sequence[BaselineRun]) -> Iterator[BaselineRun]:
    """The runs, with a full name where items of several files have stored a case of one name."""
    nodes: dict[str, set[str]] = {}
    for run in runs:
        nodes.setdefault(run.case, set()).update({run.node} - {""})
    for run in runs:
        # of one item alone: it may have been moved since, and some of its runs may be older than node ids
        yield replace(run, case=full_name(run.case, run.node)) if len(nodes[run.case]) > 1 else run


def full_name(case: str, node: str) -> str:
    """A case's name behind the file, and the class, of its item; an item may have several cases."""
    place = node.partition("[")[0].rpartition("::")[0]
    return f"{place}::{case}" if place else case


def _others(directory: Path) -> str:
    names = sorted({file.parent.name for file in directory.glob(f"*/[!.]*{_SUFFIX}")})
    return f" (beside it: {', '.join(names)})" if names else ""


def _read(file: Path) -> BaselineRun:
    try:
        content = gzip.decompress(file.read_bytes())
    except OSError as exc:
        if not isinstance(exc, gzip.BadGzipFile):
            raise BaselineError(f"{file} cannot be read: {exc.strerror or exc}") from exc
        raise _damaged(file, f"it cannot be unpacked: {exc}") from exc
    except (EOFError, zlib.error) as exc:
        raise _damaged(file, f"it cannot be unpacked: {exc}") from exc
    found = hashlib.sha256(content).hexdigest()
    if file.name != f"{found}{_SUFFIX}":
        raise _damaged(file, f"what it holds has the SHA-256 {found}, which is not its name")
    return decoded(content, source=str(file))


def _damaged(file: Path, why: str) -> BaselineError:
    return BaselineError(
        f"{file} is damaged: {why}. Restore it, or delete it and save a run in its place "
        f"with --npuperf-save-baseline={file.parent.name}"
    )
