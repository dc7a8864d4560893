"""How long a request may take."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Timeouts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Limits of one request in seconds. They act on bytes: a role-only event is a first byte."""

    connect: float = 10.0
    first_chunk: float = 600.0
    between_chunks: float = 120.0
    total: float = 3600.0
