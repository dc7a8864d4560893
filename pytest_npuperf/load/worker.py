"""A module that works in a process of its own until it is told to end; see ``standard_input``."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from pytest_npuperf.load.standard_input import END

__all__ = ["Worker"]


class Worker:
    """Starts ``python -m MODULE DIRECTORY``; what it prints goes to a log."""

    def __init__(
        self, module: str, directory: Path, *, log: Path, environ: Mapping[str, str] | None = None
    ) -> None:
        package_parent = str(Path(__file__).parents[2])
        python_path = os.pathsep.join(filter(None, (package_parent, os.environ.get("PYTHONPATH"))))
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, str(directory)],
                bufsize=0,
                # not where pytest was started: a module there could stand in the place of one of ours
                cwd=directory,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env={**os.environ, "PYTHONPATH": python_path, **(environ or {})},
                # Ctrl-C in the terminal is for pytest, which then stops this process in order
                start_new_session=True,
            )

    def exit_code(self) -> int | None:
        """Its exit code, None while it runs."""
        return self._process.poll()

    def tell(self, word: bytes = END) -> None:
        """Tell it a word of ``standard_input``, by default to come to its end; can be called again."""
        assert self._process.stdin is not None
        # a process that has died cannot be told
        with suppress(BrokenPipeError, ValueError):
            self._process.stdin.write(word)

    def end(self, grace: float) -> None:
        """Tell it, and kill it if it has not come to its end within so many seconds."""
        assert self._process.stdin is not None
        self.tell()
        try:
            self._process.wait(grace)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdin.close()
