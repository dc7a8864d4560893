"""The figures of a summary by name, as every format for programs has them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from pytest_npuperf.metrics import Summary

__all__ = ["summary_figures"]

_NO_FIGURES = ("stage", "tokens_estimated", "errors")


def summary_figures(summary: Summary) -> dict[str, Any]:
    """Samples and totals of a stage; a total that could not be formed is None."""
    figures = {
        field.name: getattr(summary, field.name) for field in fields(summary) if field.name not in _NO_FIGURES
    }
    return {**figures, "failure_rate": summary.failure_rate}
