"""Text from outside in the lines that are on the terminal while a run goes on, and in pytest's header."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pytest_npuperf.load.run import Progress
from pytest_npuperf.reporting import Reporting
from pytest_npuperf.settings import Settings
from pytest_npuperf.terminal import LiveLine, progress_text
from tests.unit.report.hostile import HOSTILE

every_text = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)


class Terminal:
    """Stands in for pytest's reporter and for the plugin manager that knows it."""

    def __init__(self, *, isatty: bool) -> None:
        self.isatty = isatty
        self.written: list[str] = []
        self.pluginmanager = self

    def getplugin(self, name: str) -> Terminal | None:
        return self if name == "terminalreporter" else None

    def write_line(self, text: str) -> None:
        self.written.append(text)

    def rewrite(self, text: str, **_: bool) -> None:
        self.written.append(text)

    def ensure_newline(self) -> None:
        pass

    def flush(self) -> None:
        pass


@every_text
@pytest.mark.parametrize("isatty", [True, False])
def test_the_live_line_is_one_line(text: str, isatty: bool, make_progress: Callable[..., Progress]) -> None:
    terminal = Terminal(isatty=isatty)
    live = LiveLine(cast(Any, terminal))
    live.show(progress_text(text, make_progress(elapsed=1.0)))
    live.print(f"waiting for {text}")
    live.print(text)
    assert len(terminal.written) >= 3
    assert all(line.isprintable() for line in terminal.written)


@every_text
@pytest.mark.parametrize("target", ["model", "base_url", "ab"])
def test_the_header_is_one_line(text: str, target: str) -> None:
    targets = dict.fromkeys(("ab", "base_url", "model")) | {target: [text, text] if target == "ab" else text}
    settings = SimpleNamespace(has_target=True, seed=7, sources={target: "option", "seed": "ini"}, **targets)
    header = Reporting(cast(Any, None), cast(Settings, settings)).header()
    assert header is not None
    assert header.isprintable()
