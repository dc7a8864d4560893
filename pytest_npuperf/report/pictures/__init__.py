"""Charts as files of their own, for what shows no HTML: SVG, and PNG where a package can make it."""

from pytest_npuperf.report.pictures.files import PictureFormat, case_pictures

__all__ = ["PictureFormat", "case_pictures"]
