"""Serving performance of an AI model as pytest test cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "Abort",
    "Audio",
    "Cancel",
    "CaseResult",
    "ClosedLoop",
    "Constant",
    "Conversation",
    "Csv",
    "Gamma",
    "Gsm8k",
    "Gsm8kShaped",
    "ImageFolder",
    "Images",
    "Jsonl",
    "Mooncake",
    "Multimodal",
    "Npuperf",
    "OpenLoop",
    "Poisson",
    "Ramp",
    "RateStep",
    "Replay",
    "Sample",
    "Search",
    "ShareGpt",
    "Sweep",
    "Synthetic",
    "Text",
    "Timeouts",
    "VideoFile",
]

if TYPE_CHECKING:
    from pytest_npuperf.capacity.settings import Search, Sweep
    from pytest_npuperf.case import Abort
    from pytest_npuperf.fixtures import Npuperf
    from pytest_npuperf.load.plan import (
        Cancel,
        ClosedLoop,
        Constant,
        Gamma,
        OpenLoop,
        Poisson,
        Ramp,
        RateStep,
        Replay,
    )
    from pytest_npuperf.metrics import Sample
    from pytest_npuperf.result import CaseResult
    from pytest_npuperf.wire.timeouts import Timeouts
    from pytest_npuperf.workload import (
        Audio,
        Conversation,
        Csv,
        Gsm8k,
        Gsm8kShaped,
        ImageFolder,
        Images,
        Jsonl,
        Mooncake,
        Multimodal,
        ShareGpt,
        Synthetic,
        Text,
        VideoFile,
    )

_HOMES = {
    "Abort": "pytest_npuperf.case",
    "Audio": "pytest_npuperf.workload",
    "Cancel": "pytest_npuperf.load.plan",
    "CaseResult": "pytest_npuperf.result",
    "ClosedLoop": "pytest_npuperf.load.plan",
    "Constant": "pytest_npuperf.load.plan",
    "Conversation": "pytest_npuperf.workload",
    "Csv": "pytest_npuperf.workload",
    "Gamma": "pytest_npuperf.load.plan",
    "Gsm8k": "pytest_npuperf.workload",
    "Gsm8kShaped": "pytest_npuperf.workload",
    "ImageFolder": "pytest_npuperf.workload",
    "Images": "pytest_npuperf.workload",
    "Jsonl": "pytest_npuperf.workload",
    "Mooncake": "pytest_npuperf.workload",
    "Multimodal": "pytest_npuperf.workload",
    "Npuperf": "pytest_npuperf.fixtures",
    "OpenLoop": "pytest_npuperf.load.plan",
    "Poisson": "pytest_npuperf.load.plan",
    "Ramp": "pytest_npuperf.load.plan",
    "RateStep": "pytest_npuperf.load.plan",
    "Replay": "pytest_npuperf.load.plan",
    "Sample": "pytest_npuperf.metrics",
    "Search": "pytest_npuperf.capacity.settings",
    "ShareGpt": "pytest_npuperf.workload",
    "Sweep": "pytest_npuperf.capacity.settings",
    "Synthetic": "pytest_npuperf.workload",
    "Text": "pytest_npuperf.workload",
    "Timeouts": "pytest_npuperf.wire.timeouts",
    "VideoFile": "pytest_npuperf.workload",
}


def __getattr__(name: str) -> object:
    # pytest imports this package in every run: what a name needs is loaded when it is asked for
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
