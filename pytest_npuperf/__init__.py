"""Serving performance of an AI model as pytest test cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = ["CaseResult", "ClosedLoop", "Gsm8k", "Gsm8kShaped", "Npuperf", "Sample", "Synthetic", "Timeouts"]

if TYPE_CHECKING:
    from pytest_npuperf.fixtures import Npuperf
    from pytest_npuperf.load.plan import ClosedLoop
    from pytest_npuperf.metrics import Sample
    from pytest_npuperf.result import CaseResult
    from pytest_npuperf.wire.timeouts import Timeouts
    from pytest_npuperf.workload import Gsm8k, Gsm8kShaped, Synthetic

_HOMES = {
    "CaseResult": "pytest_npuperf.result",
    "ClosedLoop": "pytest_npuperf.load.plan",
    "Gsm8k": "pytest_npuperf.workload",
    "Gsm8kShaped": "pytest_npuperf.workload",
    "Npuperf": "pytest_npuperf.fixtures",
    "Sample": "pytest_npuperf.metrics",
    "Synthetic": "pytest_npuperf.workload",
    "Timeouts": "pytest_npuperf.wire.timeouts",
}


def __getattr__(name: str) -> object:
    # pytest imports this package in every run: what a name needs is loaded when it is asked for
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
