"""Prompts from a csv file: questions in AISBench's custom format."""

from __future__ import annotations

import csv
import sys
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from pytest_npuperf.workload.prompt import Prompt
from pytest_npuperf.workload.prompt_file import file_settings, malformed, open_file
from pytest_npuperf.workload.rows import question_prompt, row_prompts

__all__ = ["Csv", "csv_prompts", "parse_csv"]

_SHAPE = (
    "the first line names the columns, as in question,answer,max_tokens or question,A,B,C,answer; cells are "
    'divided by commas, and one that holds a comma, a quote or a line break stands in "double quotes"'
)


@dataclass(frozen=True, slots=True)
class Csv:
    """Settings of a csv file: its ``path``; ``<path>.meta.json`` beside it may say more."""

    path: Path


def parse_csv(settings: object, base: Path) -> Csv:
    """What stands under ``csv``: a path, or settings by name."""
    return Csv(**file_settings("csv", settings, base))


def csv_prompts(dataset: Csv, *, seed: int | str, max_tokens: int) -> Iterator[Prompt]:
    """Yield the rows of the file in their order, or in that which its side file asks for.

    Rows are read when they are sent; of the others only where they begin is kept.

    Raises:
        DatasetError: The file cannot be read, quotes are left open, or its side file is malformed; on
            the way: a row is malformed, or there are no more.
    """
    columns, starts = _index(dataset.path)
    read = partial(_read, columns=columns, max_tokens=max_tokens)
    return row_prompts(dataset.path, starts, read, shape=_SHAPE, seed=seed)


def _index(path: Path) -> tuple[list[str], array[int]]:
    """The names of the columns, and where each row begins: a row may have several lines."""
    starts = array("Q")
    with open_file(path) as file, _cells_of_any_length():
        start = file.tell()
        rows = _rows(file)
        try:
            columns = [name.strip() for name in next(rows, [])]
            if "question" not in columns:
                raise ValueError("there is no column question")
            start = file.tell()
            for cells in rows:
                if cells:
                    starts.append(start)
                start = file.tell()
        except (csv.Error, ValueError) as error:
            raise malformed(path, start, str(error), _SHAPE) from error
    return columns, starts


def _read(file: BinaryIO, columns: list[str], max_tokens: int) -> Prompt:
    with _cells_of_any_length():
        cells = next(_rows(file))
    if len(cells) != len(columns):
        raise ValueError(f"the row has {len(cells)} cells, but there are {len(columns)} columns")
    return question_prompt(dict(zip(columns, cells, strict=True)), max_tokens=max_tokens)


def _rows(file: BinaryIO) -> Iterator[list[str]]:
    return csv.reader((line.decode() for line in file), strict=True)


@contextmanager
def _cells_of_any_length() -> Iterator[None]:
    """A prompt may be longer than the 131,072 characters that the csv module allows a cell."""
    limit = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(limit)
