"""Lines on the terminal while pytest captures what tests print."""

from __future__ import annotations

import shutil
import time
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import pytest

from pytest_npuperf.text import printable

if TYPE_CHECKING:
    from pytest_npuperf.load.run import Progress

__all__ = ["LiveLine", "progress_text"]

_REWRITE_EVERY = 0.2
_PRINT_EVERY = 5.0

# What pytest itself sets where a line it knows nothing of has been begun.
_FOREIGN_LINE = -2


class LiveLine:
    """One line that is rewritten in place on a terminal, and printed now and then elsewhere."""

    def __init__(self, config: pytest.Config) -> None:
        self._plugins = config.pluginmanager
        self._shown_at: float | None = None

    def show(self, text: str) -> None:
        """Show a text, unless the last one is too fresh; its control characters stand as their escapes."""
        reporter = self._reporter
        if reporter is None:
            return
        now = time.monotonic()
        interval = _REWRITE_EVERY if reporter.isatty else _PRINT_EVERY
        if self._shown_at is not None and now - self._shown_at < interval:
            return
        text = printable(text)
        with self._uncaptured():
            if not reporter.isatty:
                reporter.write_line(text)
            else:
                reporter.ensure_newline()
                reporter.rewrite(text[: shutil.get_terminal_size().columns - 1], erase=True)
                reporter.flush()
        self._shown_at = now

    def print(self, text: str) -> None:
        """Print a line that stays, above the live one; its control characters stand as their escapes."""
        reporter = self._reporter
        if reporter is not None:
            with self._uncaptured():
                self._erase(reporter)
                reporter.write_line(printable(text))

    def end(self) -> None:
        """Take the live line away; what pytest writes next begins on a line of its own."""
        reporter = self._reporter
        if reporter is not None and self._shown_at is not None:
            with self._uncaptured():
                self._erase(reporter)
            reporter.currentfspath = _FOREIGN_LINE
        self._shown_at = None

    def _erase(self, reporter: pytest.TerminalReporter) -> None:
        if reporter.isatty and self._shown_at is not None:
            reporter.rewrite("", erase=True)
            reporter.rewrite("")
            reporter.flush()

    @property
    def _reporter(self) -> pytest.TerminalReporter | None:
        # looked up late: it is registered after this is made, or never (-p no:terminal)
        reporter: pytest.TerminalReporter | None = self._plugins.getplugin("terminalreporter")
        return reporter

    def _uncaptured(self) -> AbstractContextManager[None]:
        capture = self._plugins.getplugin("capturemanager")
        uncaptured: AbstractContextManager[None] = (
            capture.global_and_fixture_disabled() if capture else nullcontext()
        )
        return uncaptured


def progress_text(name: str, progress: Progress) -> str:
    """What the live line says of a load."""
    if not progress.elapsed:
        return f"{name}: warming up"
    parts = [
        f"{progress.done}/{progress.requests} done",
        f"{progress.failed} failed",
        f"{progress.in_flight} in flight",
    ]
    if progress.ttft is not None:
        parts.append(f"TTFT {progress.ttft * 1e3:.1f} ms")
    if progress.output_token_throughput:
        parts.append(f"{progress.output_token_throughput:.1f} token/s")
    if progress.time_left is not None:
        parts.append(f"{_clock(progress.time_left)} left")
    return f"{name}: {', '.join(parts)}"


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes:d}:{seconds:02d}"
