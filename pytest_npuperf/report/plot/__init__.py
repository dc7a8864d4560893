"""The concurrency visualization of a case: ``<case>_plot.html`` and the files of its chunk times."""

from pytest_npuperf.report.plot.chunks import chunk_files
from pytest_npuperf.report.plot.page import PLOTLY_SCRIPT, plot_html

__all__ = ["PLOTLY_SCRIPT", "chunk_files", "plot_html"]
