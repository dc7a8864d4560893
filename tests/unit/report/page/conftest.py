from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from pytest_npuperf.trace import Trace

_VOID = {"meta", "input", "path", "line", "circle", "rect"}


@dataclass
class Tag:
    """An element as a browser would make it."""

    name: str
    attributes: dict[str, str | None]
    texts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.texts)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[Tag] = []
        self.open: list[Tag] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice"
        self.tags.append(Tag(tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(self.tags[-1])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in _VOID
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().name == tag

    def handle_data(self, data: str) -> None:
        for tag in self.open:
            tag.texts.append(data)


@pytest.fixture(scope="session")
def read_html() -> Callable[[str], list[Tag]]:
    """The elements of a page or a part of it, in their order; fails where one is not closed."""

    def read(page: str) -> list[Tag]:
        reader = _Reader()
        reader.feed(page)
        reader.close()
        assert not reader.open
        return reader.tags

    return read


@pytest.fixture(scope="session")
def load_trace(build_trace: Callable[..., Trace]) -> Callable[..., Trace]:
    """Makes a trace of so many requests of 8 chunks, one every 10 ms."""

    def make(requests: int, **fields: Any) -> Trace:
        rng = np.random.default_rng(7)
        rows = []
        for number in range(requests):
            sent = 10.0 * number
            first = sent + 50 + rng.gamma(2, 5)
            chunks = [first, *(first + np.cumsum(rng.gamma(20, 0.5, 7)))]
            rows.append({"sent": sent, "chunks": chunks, "end": chunks[-1] + 0.5, **fields})
        return build_trace(*rows)

    return make
