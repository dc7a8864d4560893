"""Report directories read back: what was measured, to judge and compare it without a load."""

from pytest_npuperf.saved.report import SavedCase, SavedReport, read_report

__all__ = ["SavedCase", "SavedReport", "read_report"]
