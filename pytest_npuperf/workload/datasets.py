"""The datasets there are, and how a case names one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, get_args

from pytest_npuperf.errors import CaseError
from pytest_npuperf.workload.conversation import Conversation, conversation_prompts, parse_conversation
from pytest_npuperf.workload.csv import Csv, csv_prompts, parse_csv
from pytest_npuperf.workload.gauge import ESTIMATE, Gauge
from pytest_npuperf.workload.gsm8k import Gsm8k, gsm8k_prompts, parse_gsm8k
from pytest_npuperf.workload.gsm8k_shaped import Gsm8kShaped, gsm8k_shaped_prompts
from pytest_npuperf.workload.jsonl import Jsonl, jsonl_prompts, parse_jsonl
from pytest_npuperf.workload.mooncake import Mooncake, mooncake_prompts, parse_mooncake
from pytest_npuperf.workload.multimodal import (
    Multimodal,
    multimodal_prompts,
    parse_image_prompts,
    parse_multimodal,
)
from pytest_npuperf.workload.prompt import Prompt
from pytest_npuperf.workload.settings import nearest
from pytest_npuperf.workload.sharegpt import ShareGpt, parse_sharegpt, sharegpt_prompts
from pytest_npuperf.workload.synthetic import Synthetic, parse_synthetic, synthetic_prompts
from pytest_npuperf.workload.text import Text, parse_text, text_prompts

__all__ = ["Dataset", "is_made_to_measure", "parse_dataset", "prompts", "shares_prefixes"]

Dataset = (
    Conversation | Csv | Gsm8k | Gsm8kShaped | Jsonl | Mooncake | Multimodal | ShareGpt | Text | Synthetic
)


class _Kind(NamedTuple):
    """How a dataset is read from a case; ``example`` is shown where a case has it wrong."""

    parse: Callable[[object, Path], Dataset]
    example: str


_KINDS = {
    "gsm8k": _Kind(parse_gsm8k, "gsm8k (built in), {gsm8k: PATH}, {gsm8k: {path: PATH, shots: 4}}"),
    "sharegpt": _Kind(
        parse_sharegpt, "{sharegpt: PATH}, {sharegpt: {path: PATH, turns: 4, think_time: 2 s}}"
    ),
    "jsonl": _Kind(parse_jsonl, "{jsonl: PATH}"),
    "csv": _Kind(parse_csv, "{csv: PATH}"),
    "text": _Kind(parse_text, "{text: PATH}, {text: {path: PATH, separator: '---'}}"),
    "images": _Kind(parse_image_prompts, "{images: {count: 1, width: 640, height: 480}}"),
    "multimodal": _Kind(parse_multimodal, "{multimodal: {images: {count: 1}, audio: {seconds: 5}}}"),
    "mooncake": _Kind(parse_mooncake, "{mooncake: PATH}"),
    "conversation": _Kind(
        parse_conversation, "{conversation: {turns: 3, input_tokens: 100, output_tokens: 200}}"
    ),
    "synthetic": _Kind(parse_synthetic, "{synthetic: {input_tokens: 100, output_tokens: 200}}"),
}

# Each takes (dataset, *, seed, max_tokens).
_WITH_CEILING: dict[type, Callable[..., Iterator[Prompt]]] = {
    Gsm8k: gsm8k_prompts,
    Gsm8kShaped: gsm8k_shaped_prompts,
    Jsonl: jsonl_prompts,
    Csv: csv_prompts,
    Text: text_prompts,
}
# These have an output length of their own and measure by the gauge: (dataset, *, seed, gauge).
_TO_MEASURE: dict[type, Callable[..., Iterator[Prompt]]] = {
    Synthetic: synthetic_prompts,
    Multimodal: multimodal_prompts,
    ShareGpt: sharegpt_prompts,
    Mooncake: mooncake_prompts,
    Conversation: conversation_prompts,
}


def prompts(
    dataset: Dataset, *, seed: int | str, max_tokens: int, gauge: Gauge = ESTIMATE
) -> Iterator[Prompt]:
    """Yield the prompts of a dataset one by one, as many as are asked for.

    They follow from the settings, the file, the seed and the gauge alone, and no two of one
    iterator are the same, but where a recorded trace repeats itself. ``max_tokens`` bounds each answer
    where the dataset has no output length of its own.

    Raises DatasetError where the file of the dataset is missing, malformed or too short.
    """
    kind = type(dataset)
    if kind in _TO_MEASURE:
        return _TO_MEASURE[kind](dataset, seed=seed, gauge=gauge)
    return _WITH_CEILING[kind](dataset, seed=seed, max_tokens=max_tokens)


def is_made_to_measure(dataset: Dataset) -> bool:
    """Whether its prompts depend on how the server counts tokens."""
    return type(dataset) in _TO_MEASURE


def shares_prefixes(dataset: Dataset) -> bool:
    """Whether requests may begin alike on purpose, so that a prefix cache has something to find.

    What stands in a user's file is his business.
    """
    match dataset:
        case Gsm8k() | Gsm8kShaped():
            return False
        case Synthetic(prefix=prefix):
            return prefix is not None
        case _:
            return True


def parse_dataset(value: object, *, base: Path) -> Dataset:
    """Turn what stands under ``dataset`` in a case into a Dataset; a Dataset passes through.

    ``"gsm8k"`` is the built-in dataset of that shape, ``{"gsm8k": path}`` a file of the user's; a relative
    path starts at ``base``.

    Raises CaseError where the value names no dataset or a setting is not allowed.
    """
    if isinstance(value, get_args(Dataset)):
        return value  # type: ignore[no-any-return]
    name, settings = _split(value)
    if name in _KINDS:
        return _KINDS[name].parse(settings, base)
    raise CaseError(f"dataset: there is no {name!r}{nearest(name, tuple(_KINDS))}; {_allowed()}")


def _split(value: object) -> tuple[str, Any]:
    if isinstance(value, str):
        return value, {}
    if isinstance(value, Mapping) and len(value) == 1:
        name, settings = next(iter(value.items()))
        return str(name), settings
    raise CaseError(f"dataset: {value!r} does not name one dataset; {_allowed()}")


def _allowed() -> str:
    return "allowed: " + ", ".join(kind.example for kind in _KINDS.values())
