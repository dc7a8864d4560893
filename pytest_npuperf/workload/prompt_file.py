"""What the datasets that stand in a file of the user's have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from pytest_npuperf.errors import DatasetError
from pytest_npuperf.workload.prompt import Prompt
from pytest_npuperf.workload.settings import path_of, take_keys

__all__ = ["SET_BY_THE_CASE", "excerpt", "file_settings", "malformed", "once_each", "open_file"]

SET_BY_THE_CASE = frozenset(
    ("messages", "max_tokens", "max_completion_tokens", "model", "stream", "stream_options")
)
"""Fields of a recorded request that do not pass through."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SHOWN = 80


def file_settings(name: str, settings: object, base: Path, *, optional: Sequence[str] = ()) -> dict[str, Any]:
    """The settings of dataset ``name`` as keyword arguments; a path alone stands for ``{path: PATH}``.

    Raises:
        CaseError: One is not allowed, or the path is missing.
    """
    if not isinstance(settings, Mapping):
        settings = {"path": settings}
    keys = take_keys(name, settings, required=("path",), optional=optional)
    return keys | {"path": path_of(f"{name}.path", keys["path"], base)}


def open_file(path: Path) -> BinaryIO:
    """Open the file for reading, behind its byte order mark where it has one.

    Raises:
        DatasetError: It is not there, or cannot be read.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}; give the path of a file") from error
    if file.read(len(_BYTE_ORDER_MARK)) != _BYTE_ORDER_MARK:
        file.seek(0)
    return file


def malformed(path: Path, start: int, what: str, shape: str) -> DatasetError:
    """The error that shows the line which begins at byte ``start``, and the shape it must have."""
    with path.open("rb") as file:
        number = 1 + sum(end <= start for end in accumulate(map(len, file)))
        file.seek(start)
        line = file.readline(4 * _SHOWN)
    return DatasetError(f"{path}, line {number}: {what}; seen: {excerpt(line)}; {shape}")


def excerpt(data: bytes) -> str:
    """The beginning of what a file holds, on one line."""
    text = " ".join(data.decode(errors="replace").split())
    return text[:_SHOWN] + "..." * (len(text) > _SHOWN)


def once_each(prompts: Iterable[Prompt], *, path: Path, shape: str, remedy: str) -> Iterator[Prompt]:
    """Pass on each prompt the first time it comes; of a conversation, the first turn decides.

    Raises:
        DatasetError: There are no more, since a prefix cache would answer one that is sent again.
    """
    begun: set[bytes] = set()
    sent = repeated = 0
    fresh = True
    for prompt in prompts:
        if not prompt.turn:
            text = msgspec.json.encode((prompt.messages, prompt.extra))
            digest = blake2b(text, digest_size=16).digest()
            fresh = digest not in begun
            begun.add(digest)
        if fresh:
            yield prompt
        sent += fresh
        repeated += not fresh
    if not sent:
        raise DatasetError(f"{path} holds no prompt: {shape}")
    left_out = f" (left out as repeated: {repeated})" if repeated else ""
    raise DatasetError(
        f"{path} gave {sent} different prompts and holds no more{left_out}; "
        f"a prefix cache would answer a repeated one: {remedy}"
    )
