"""Baselines: what earlier runs measured, kept to compare with."""

from pytest_npuperf.baselines.file import BaselineRun
from pytest_npuperf.baselines.fingerprint import Fingerprint, fingerprint, mismatches, unknown_facts
from pytest_npuperf.baselines.store import (
    Baseline,
    check_baseline,
    check_name,
    full_name,
    load_baseline,
    save_baseline,
)

__all__ = [
    "Baseline",
    "BaselineRun",
    "Fingerprint",
    "check_baseline",
    "check_name",
    "fingerprint",
    "full_name",
    "load_baseline",
    "mismatches",
    "save_baseline",
    "unknown_facts",
]
