"""The load plan: everything the load generator needs to know, as plain data."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from pytest_npuperf.wire.timeouts import Timeouts
from pytest_npuperf.wire.tls_settings import TlsSettings

__all__ = ["ClosedLoop", "LoadPlan"]


@dataclass(frozen=True, slots=True)
class ClosedLoop:
    """Each of ``concurrency`` virtual clients sends its next request when the last one ended."""

    concurrency: int = 1


class LoadPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What to send, where to and when.

    Requests are numbered: the first ``warmup`` ones are not measured. Their bodies are opaque to
    the generator.
    """

    base_url: str
    load: ClosedLoop
    warmup: int
    requests: int
    timeouts: Timeouts
    tls: TlsSettings = TlsSettings()
    keep_text: bool = False
    """Whether the generated text goes into the trace."""
    request_id_prefix: str
    """Request i carries the header ``x-request-id: <prefix>-<i>``."""

    def request_id(self, number: int) -> str:
        """The x-request-id header of a request."""
        return f"{self.request_id_prefix}-{number}"
