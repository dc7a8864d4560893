"""The side file of AISBench's custom datasets: which rows are sent, and how long the answers may be."""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import isclose
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from pytest_npuperf.errors import DatasetError
from pytest_npuperf.workload.prompt_file import excerpt

__all__ = ["AisbenchMeta", "meta_path", "output_lengths", "read_meta", "row_order"]

_SHAPE = (
    'a side file is {"request_count": 100, "sampling_mode": "default" or "shuffle" or "random", '
    '"output_config": {"method": "uniform", "params": {"min_value": 100, "max_value": 200}} or '
    '{"method": "percentage", "params": {"percentage_distribute": [[100, 0.7], [400, 0.3]]}}}'
)

_Positive = Annotated[int, msgspec.Meta(ge=1)]
_Share = Annotated[float, msgspec.Meta(gt=0, le=1)]


class _Range(msgspec.Struct, frozen=True):
    min_value: _Positive
    max_value: _Positive

    def __post_init__(self) -> None:
        if self.min_value > self.max_value:
            raise ValueError(f"min_value {self.min_value} is above max_value {self.max_value}")


class _Shares(msgspec.Struct, frozen=True):
    percentage_distribute: list[tuple[_Positive, _Share]]

    def __post_init__(self) -> None:
        total = sum(share for _, share in self.percentage_distribute)
        if not isclose(total, 1):
            raise ValueError(f"the shares of percentage_distribute add up to {total:g} instead of 1")


class _Uniform(msgspec.Struct, frozen=True, tag="uniform", tag_field="method", forbid_unknown_fields=True):
    params: _Range


class _Percentage(
    msgspec.Struct, frozen=True, tag="percentage", tag_field="method", forbid_unknown_fields=True
):
    params: _Shares


class AisbenchMeta(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the side file says; the defaults hold where there is none."""

    request_count: _Positive | None = None
    """How many rows are used; None for all."""
    sampling_mode: Literal["default", "shuffle", "random"] = "default"
    """The first rows, the first rows shuffled, or rows drawn from the whole file."""
    output_config: _Uniform | _Percentage | None = None
    """How long answers may be, instead of what the rows say."""


def meta_path(path: Path) -> Path:
    """The side file of ``data.jsonl`` is ``data.jsonl.meta.json``."""
    return path.with_name(f"{path.name}.meta.json")


def read_meta(path: Path) -> AisbenchMeta:
    """Read the side file of the dataset at ``path``; whole numbers may stand in quotes, as in AISBench.

    Raises:
        DatasetError: It has another shape, or cannot be read.
    """
    side_file = meta_path(path)
    if not side_file.exists():
        return AisbenchMeta()
    try:
        data = side_file.read_bytes()
    except OSError as error:
        raise DatasetError(f"{side_file} cannot be read: {error.strerror}") from error
    try:
        return msgspec.json.decode(data, type=AisbenchMeta, strict=False)
    except ValueError as error:
        raise DatasetError(f"{side_file}: {error}; seen: {excerpt(data)}; {_SHAPE}") from error


def row_order(meta: AisbenchMeta, *, rows: int, seed: int | str) -> Sequence[int]:
    """The rows that are sent, by their place in the file, none twice."""
    count = min(meta.request_count or rows, rows)
    rng = random.Random(f"{seed}/rows")
    if meta.sampling_mode == "random":
        return rng.sample(range(rows), count)
    if meta.sampling_mode == "shuffle":
        return rng.sample(range(count), count)
    return range(count)


def output_lengths(meta: AisbenchMeta, *, count: int, seed: int | str) -> Sequence[int] | None:
    """How many tokens each of ``count`` answers may have, None where the side file does not say.

    Shares hold over all of them as AISBench rounds them: down, the rest has the last length. AISBench
    sends one length after the other; here they are mixed, so that the mix holds for a shorter run too.
    """
    rng = random.Random(f"{seed}/output")
    match meta.output_config:
        case None:
            return None
        case _Uniform(params=bounds):
            return [rng.randint(bounds.min_value, bounds.max_value) for _ in range(count)]
        case _Percentage(params=_Shares(percentage_distribute=shares)):
            lengths = [length for length, share in shares for _ in range(int(share * count))]
            lengths += [shares[-1][0]] * (count - len(lengths))
            rng.shuffle(lengths)
            return lengths
