"""Text from outside (names, error bodies, generated text) made safe to show and to write."""

from __future__ import annotations

import re

__all__ = ["encodable", "printable", "printable_lines"]

# What a CI system takes for a command in what a job prints: GitHub's "::name" at the beginning of a line, and
# "##[name" (GitHub, Azure), "##vso[name" and "##teamcity[name" anywhere in it.
_COMMAND = re.compile(r"(?<=#)#(?=\w*\[)|^( *):(?=:)")


def printable(text: str, limit: int | None = None) -> str:
    r"""The text on one line without control characters: each stands as its escape, such as ``\x1b``.

    So does a character of what a CI system would take for a command: ``#\x23[error]``. A text longer
    than ``limit`` characters is cut there and ends in ``...``.
    """
    shown = text if text.isprintable() else "".join(map(_shown, text))
    shown = _COMMAND.sub(lambda found: f"{found[1] or ''}{_escape(found[0][-1])}", shown)
    if limit is not None and len(shown) > limit:
        return shown[: limit - 3] + "..."
    return shown


def printable_lines(text: str) -> str:
    """The text with its line ends, each line of it ``printable``."""
    return "\n".join(map(printable, text.split("\n")))


def encodable(text: str) -> str:
    r"""The text with lone surrogates, which UTF-8 cannot hold, as their escapes (``\ud800``)."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode("ascii")


def _escape(character: str) -> str:
    return f"\\x{ord(character):02x}"
