"""Where a run keeps what later ones need."""

from __future__ import annotations

from pathlib import Path

__all__ = ["BASELINES"]

BASELINES = Path(".npuperf", "baselines")
"""Baselines by their names, from the rootdir of pytest."""
