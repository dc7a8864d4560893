"""The page of a run: ``report.html``."""

from pytest_npuperf.report.page.page import page_html

__all__ = ["page_html"]
