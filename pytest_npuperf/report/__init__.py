"""Results to text tables and to the report directory."""

from pytest_npuperf.report.console import console_lines
from pytest_npuperf.report.directory import write_report, zip_report
from pytest_npuperf.report.names import case_stems
from pytest_npuperf.report.tables import common_table, performance_table
from pytest_npuperf.report.verdicts import failure_text, verdict_table

__all__ = [
    "case_stems",
    "common_table",
    "console_lines",
    "failure_text",
    "performance_table",
    "verdict_table",
    "write_report",
    "zip_report",
]
