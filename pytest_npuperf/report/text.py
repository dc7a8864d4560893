"""Text from outside (names, error bodies, generated text) made safe to show and to write."""

from __future__ import annotations

__all__ = ["encodable", "printable"]


def printable(text: str, limit: int | None = None) -> str:
    r"""The text on one line without control characters: each stands as its escape, such as ``\x1b``.

    A text longer than ``limit`` characters is cut there and ends in ``...``.
    """
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    if limit is not None and len(shown) > limit:
        return shown[: limit - 3] + "..."
    return shown


def encodable(text: str) -> str:
    r"""The text with lone surrogates, which UTF-8 cannot hold, as their escapes (``\ud800``)."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
