from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest

_VOID = {"meta", "input", "path", "line", "circle", "rect"}


@dataclass
class Tag:
    """An element as a browser would make it."""

    name: str
    attributes: dict[str, str | None]
    text: str = ""


@dataclass
class _Reader(HTMLParser):
    tags: list[Tag] = field(default_factory=list)
    open: list[Tag] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
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
            tag.text += data


@pytest.fixture(scope="session")
def read_html() -> Callable[[str], list[Tag]]:
    """The elements of a page, in their order; fails where one is not closed."""

    def read(page: str) -> list[Tag]:
        reader = _Reader()
        reader.feed(page)
        reader.close()
        assert not reader.open
        return reader.tags

    return read
