"""Where the commands look for baselines."""

from __future__ import annotations

from pathlib import Path

from pytest_npuperf.folders import BASELINES

__all__ = ["baselines_folder"]


def baselines_folder(start: Path) -> Path:
    """Where the baselines of ``start`` are, or else those of the nearest folder above it that has some."""
    folders = [folder / BASELINES for folder in (start, *start.parents)]
    return next((folder for folder in folders if folder.is_dir()), folders[0])
