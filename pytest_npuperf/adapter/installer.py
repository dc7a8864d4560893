"""Running the commands that install something."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_npuperf.adapter.log import tail_text, with_last_line
from pytest_npuperf.adapter.process import exit_text, run
from pytest_npuperf.errors import InstallError

__all__ = ["Installer"]


@dataclass(frozen=True, slots=True)
class Installer:
    """Runs commands in the adapter repository, with their output in a log."""

    adapter: Path
    environ: Mapping[str, str]
    log: Path
    notify: Callable[[str], None]

    def run(self, purpose: str, argv: list[str], *, extra: Mapping[str, str] | None = None) -> None:
        """Run a command to its end; ``purpose`` says in the progress and in an error what it is for.

        Raises:
            InstallError: It failed; the text ends with the end of the log.
        """

        def tick(elapsed: float) -> None:
            self.notify(with_last_line(f"{purpose}: {elapsed:.0f} s", self.log))

        environ = {**self.environ, **(extra or {})}
        code = run(argv, cwd=self.adapter, env=environ, log=self.log, tick=tick)
        if code != 0:
            raise InstallError(
                f"{purpose} failed with {exit_text(code)}: {' '.join(argv)}\n{tail_text(self.log)}"
            )
