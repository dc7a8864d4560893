"""What must hold before anything is started."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from pytest_npuperf.errors import AdapterError

__all__ = ["MAX_MODEL_BYTES", "check_model", "check_script", "weigh"]

MAX_MODEL_BYTES = 100 * 10**9
"""The platform's limit on the storage of the weights."""


def check_script(adapter: Path) -> Path:
    """The absolute path of the repository's ``deploy.sh``.

    Raises:
        AdapterError: there is no such file.
    """
    script = adapter.absolute() / "deploy.sh"
    if not script.is_file():
        raise AdapterError(
            f"{adapter} holds no file deploy.sh. An adapter repository needs deploy.sh at its root: write "
            "one that serves $MODEL_PATH, or name the repository by --npuperf-adapter."
        )
    return script


def check_model(model: Path) -> None:
    """Stop weights that the platform would refuse.

    Raises:
        AdapterError: the path does not exist or cannot be read, or weighs more than MAX_MODEL_BYTES.
    """
    size = weigh(model)
    if size > MAX_MODEL_BYTES:
        raise AdapterError(
            f"the weights at {model} take {size / 1e9:.2f} GB ({size} bytes); the evaluation platform allows "
            f"{MAX_MODEL_BYTES // 10**9} GB. Pass smaller weights by --npuperf-model: quantized ones, or a "
            "directory without files that are not served."
        )


def weigh(model: Path) -> int:
    """Size of the weights in bytes: all files below the path, or the file itself.

    Symbolic links count as what they name, as in a hub cache, and every file counts once
    however many names it has. A ``.git`` directory is left out: it repeats the files.

    Raises:
        AdapterError: the path does not exist or cannot be read.
    """
    try:
        return _weigh(model)
    except OSError as error:
        raise AdapterError(
            f"the weights at {model} cannot be weighed: {error.strerror}: {error.filename}. "
            "--npuperf-model takes a readable directory or file."
        ) from error


def _weigh(model: Path) -> int:
    seen: set[tuple[int, int]] = set()
    todo = [model]
    size = 0
    while todo:
        path = todo.pop()
        found = path.stat()
        identity = (found.st_dev, found.st_ino)
        if identity in seen:
            continue
        seen.add(identity)
        if stat.S_ISDIR(found.st_mode):
            with os.scandir(path) as entries:
                todo += [Path(entry) for entry in entries if entry.name != ".git"]
        else:
            size += found.st_size
    return size
