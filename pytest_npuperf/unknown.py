"""What stands in an integer column for a moment that never came or a count nobody knows."""

__all__ = ["UNKNOWN"]

UNKNOWN = -1
