"""Whom to trust on https."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TlsSettings"]


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """Certificates of authorities in a file of their own, or no check at all."""

    ca_file: str | None = None
    """PEM file; None takes the system's authorities."""
    insecure: bool = False
    """True accepts any certificate."""
