"""Results to text tables and to the report directory."""

from pytest_npuperf.report.change_table import pair_lines
from pytest_npuperf.report.ci import write_ci_outputs
from pytest_npuperf.report.console import console_lines
from pytest_npuperf.report.directory import write_report, zip_report
from pytest_npuperf.report.junit import junit_properties
from pytest_npuperf.report.names import case_stems
from pytest_npuperf.report.repeat import repeat_lines
from pytest_npuperf.report.tables import common_table, performance_table
from pytest_npuperf.report.verdicts import failure_text, verdict_table

__all__ = [
    "case_stems",
    "common_table",
    "console_lines",
    "failure_text",
    "junit_properties",
    "pair_lines",
    "performance_table",
    "repeat_lines",
    "verdict_table",
    "write_ci_outputs",
    "write_report",
    "zip_report",
]
