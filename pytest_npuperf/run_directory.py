"""The directory of a run and the logs in it, while it is under way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from pytest_npuperf.reporting import wall_clock
from pytest_npuperf.text import printable

if TYPE_CHECKING:
    from pytest_npuperf.result import CaseResult

__all__ = ["RunDirectory"]


class RunDirectory:
    """Made once something is put into it.

    Args:
        parent: Of the directories of all runs.
        echo: What is told each line of a log, too; None where nothing is.
    """

    def __init__(self, parent: Path, *, echo: Callable[[str], None] | None) -> None:
        self._parent = parent
        self._path: Path | None = None
        self._echo = echo

    @property
    def path(self) -> Path:
        """Where it is; made at first use, and the parent told to git as one to ignore."""
        if self._path is None:
            self._path = self._parent / uuid4().hex
            (self._path / "logs" / "performance").mkdir(parents=True)
            ignore = self._parent / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n")
        return self._path

    @property
    def is_made(self) -> bool:
        """Whether anything was put into it."""
        return self._path is not None

    def log_of(self, case: str, earlier: Sequence[CaseResult]) -> Path:
        """The log of the next case, under the file name that the report will give it."""
        from pytest_npuperf.report import case_stems

        stem = case_stems([*(result.name for result in earlier), case])[-1]
        return self.path / "logs" / "performance" / f"{stem}.log"

    def note_into(self, log: Path) -> Callable[[str], None]:
        """What writes lines into a log, each with the wall clock."""

        def note(text: str) -> None:
            with log.open("a", encoding="utf-8") as file:
                file.write(f"{wall_clock()} {printable(text)}\n")
            if self._echo is not None:
                self._echo(text)

        return note
