"""Prompts from a plain text file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_npuperf.errors import CaseError
from pytest_npuperf.workload.prompt import Prompt, user_prompt
from pytest_npuperf.workload.prompt_file import file_settings, malformed, once_each, open_file

__all__ = ["Text", "parse_text", "text_prompts"]

_SHAPE = "a text file holds UTF-8, a prompt on each line or between two lines of the separator"


@dataclass(frozen=True, slots=True)
class Text:
    """Settings of a text file: its ``path``, and the line that stands between two prompts.

    Without ``separator`` each line is a prompt; ``""`` is a blank line.
    """

    path: Path
    separator: str | None = None

    def __post_init__(self) -> None:
        separator = self.separator
        if separator is not None and (not isinstance(separator, str) or "\n" in separator):
            raise CaseError(f"dataset: text.separator is {separator!r}, but must be a text of one line")


def parse_text(settings: object, base: Path) -> Text:
    """What stands under ``text``: a path, or settings by name."""
    return Text(**file_settings("text", settings, base, optional=("separator",)))


def text_prompts(dataset: Text, *, seed: int | str, max_tokens: int) -> Iterator[Prompt]:  # noqa: ARG001
    """Yield the prompts of the file in their order, without the white space around them.

    Raises:
        DatasetError: The file cannot be read; on the way: a line is not UTF-8, or there are no more.
    """
    open_file(dataset.path).close()
    texts = (text.strip() for text in _blocks(dataset.path, dataset.separator))
    return once_each(
        (user_prompt(text, max_tokens=max_tokens, input_tokens=None) for text in texts if text),
        path=dataset.path,
        shape=_SHAPE,
        remedy="ask for fewer requests or use a longer file",
    )


def _blocks(path: Path, separator: str | None) -> Iterator[str]:
    if separator is None:
        yield from _lines(path)
        return
    block: list[str] = []
    for line in _lines(path):
        if line.strip() == separator.strip():
            yield "\n".join(block)
            block = []
        else:
            block.append(line)
    yield "\n".join(block)


def _lines(path: Path) -> Iterator[str]:
    with open_file(path) as file:
        start = file.tell()
        for line in file:
            try:
                yield line.decode().rstrip("\r\n")
            except UnicodeDecodeError as error:
                raise malformed(path, start, str(error), _SHAPE) from error
            start += len(line)
