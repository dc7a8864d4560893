"""The datasets there are, and how a case names one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pytest_npuperf.errors import CaseError
from pytest_npuperf.workload.gsm8k import Gsm8k, gsm8k_prompts
from pytest_npuperf.workload.gsm8k_shaped import Gsm8kShaped, gsm8k_shaped_prompts
from pytest_npuperf.workload.prompt import Prompt
from pytest_npuperf.workload.synthetic import Synthetic, synthetic_prompts

__all__ = ["Dataset", "parse_dataset", "prompts"]

Dataset = Gsm8k | Gsm8kShaped | Synthetic

_NAMES = ("gsm8k", "synthetic")
_ALLOWED = (
    "allowed: gsm8k (built in), {gsm8k: PATH}, {gsm8k: {path: PATH, shots: 4}}, "
    "{synthetic: {input_tokens: 100, output_tokens: 200}}"
)


def prompts(dataset: Dataset, *, seed: int | str, max_tokens: int) -> Iterator[Prompt]:
    """Yield the prompts of a dataset one by one, as many as are asked for.

    They follow from the settings, the file and the seed alone, and no two of one iterator are the same.
    ``max_tokens`` bounds each answer; a Synthetic dataset has its own output length instead.

    Raises DatasetError where the file of the dataset is missing, malformed or too short.
    """
    if isinstance(dataset, Gsm8k):
        return gsm8k_prompts(dataset, seed=seed, max_tokens=max_tokens)
    if isinstance(dataset, Gsm8kShaped):
        return gsm8k_shaped_prompts(dataset, seed=seed, max_tokens=max_tokens)
    return synthetic_prompts(dataset, seed=seed)


def parse_dataset(value: object, *, base: Path) -> Dataset:
    """Turn what stands under ``dataset`` in a case into a Dataset; a Dataset passes through.

    ``"gsm8k"`` is the built-in dataset of that shape, ``{"gsm8k": path}`` a file of the user's; a relative
    path starts at ``base``.

    Raises CaseError where the value names no dataset or a setting is not allowed.
    """
    if isinstance(value, (Gsm8k, Gsm8kShaped, Synthetic)):
        return value
    if value == "gsm8k":
        return Gsm8kShaped()
    name, settings = _split(value)
    if name == "gsm8k":
        return _gsm8k(settings, base)
    if name == "synthetic":
        return Synthetic(**_keys(name, settings, required=("input_tokens", "output_tokens")))
    raise CaseError(f"dataset: there is no {name!r}{_nearest(name, _NAMES)}; {_ALLOWED}")


def _split(value: object) -> tuple[object, object]:
    if isinstance(value, str):
        return value, {}
    if isinstance(value, Mapping) and len(value) == 1:
        return next(iter(value.items()))
    raise CaseError(f"dataset: {value!r} does not name one dataset; {_ALLOWED}")


def _gsm8k(settings: object, base: Path) -> Gsm8k:
    if not isinstance(settings, Mapping):
        settings = {"path": settings}
    keys = _keys("gsm8k", settings, required=("path",), optional=("shots",))
    path = keys.pop("path")
    if not isinstance(path, (str, Path)):
        raise CaseError(f"dataset: gsm8k.path is {path!r}, but must be the path of a file or folder")
    return Gsm8k(path=base / Path(path).expanduser(), **keys)


def _keys(
    name: str, settings: object, *, required: Sequence[str], optional: Sequence[str] = ()
) -> dict[str, Any]:
    """The settings as keyword arguments, once their names have been checked."""
    allowed = (*required, *optional)
    if not isinstance(settings, Mapping):
        raise CaseError(
            f"dataset: {name} is {settings!r}, but must be settings by name: {', '.join(allowed)}"
        )
    for key in settings:
        if key not in allowed:
            raise CaseError(
                f"dataset: {name} has no setting {key!r}{_nearest(key, allowed)}; "
                f"allowed: {', '.join(allowed)}"
            )
    missing = [key for key in required if key not in settings]
    if missing:
        raise CaseError(f"dataset: {name} lacks {' and '.join(missing)}; {_ALLOWED}")
    return dict(settings)


def _nearest(seen: object, allowed: Sequence[str]) -> str:
    near = get_close_matches(str(seen), allowed, n=1)
    return f" (did you mean {near[0]}?)" if near else ""
