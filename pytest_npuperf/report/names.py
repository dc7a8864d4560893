"""File names for cases and models."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import count

__all__ = ["case_stems", "safe_stem"]

_LONGEST = 100
"""Bytes in UTF-8: leaves room for the endings under the 255 of common file systems."""
_RESERVED_BY_WINDOWS = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def case_stems(names: Sequence[str]) -> list[str]:
    """One file stem for each case name, in order, safe and unique also where case is not told apart.

    ``chat[concurrency=4]`` becomes ``chat-concurrency-4``, a second one ``chat-concurrency-4-2``.
    """
    taken: set[str] = set()
    stems = []
    for name in names:
        base = safe_stem(name)
        candidates = (base if number == 1 else f"{base}-{number}" for number in count(1))
        stem = next(stem for stem in candidates if taken.isdisjoint(_claims(stem)))
        taken |= _claims(stem)
        stems.append(stem)
    return stems


def safe_stem(text: str) -> str:
    """The text as a file stem: letters, digits, ``_``, inner dots and hyphens, at most 100 bytes."""
    words = re.sub(r"[^\w.]+", "-", unicodedata.normalize("NFKC", text))
    cut = words.strip("-.").encode()[:_LONGEST].decode(errors="ignore")
    stem = cut.rstrip("-.") or "case"
    return f"case-{stem}" if _RESERVED_BY_WINDOWS.fullmatch(stem) else stem


def _claims(stem: str) -> set[str]:
    """The names a stem needs for itself: a case ``chat_details`` would write ``chat_details.json``, too."""
    folded = unicodedata.normalize("NFKC", stem.casefold())
    return {folded, f"{folded}_details"}
