"""When requests are sent, and the load plan: everything the load generator needs to know, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from pytest_npuperf.unknown import UNKNOWN
from pytest_npuperf.wire.timeouts import Timeouts
from pytest_npuperf.wire.tls_settings import TlsSettings

__all__ = [
    "Arrival",
    "Cancel",
    "ClosedLoop",
    "Constant",
    "Gamma",
    "LoadPlan",
    "OpenLoop",
    "PlannedRequest",
    "Poisson",
    "Ramp",
    "Rate",
    "RateStep",
    "Replay",
]


@dataclass(frozen=True, slots=True)
class ClosedLoop:
    """Each of ``concurrency`` virtual clients sends its next request when the last one ended."""

    concurrency: int = 1
    think_time: float = 0.0
    """Seconds that a client waits between an answer and its next request."""


@dataclass(frozen=True, slots=True)
class Constant:
    """Every gap between two arrivals is the same."""


@dataclass(frozen=True, slots=True)
class Poisson:
    """Gaps are exponential: arrivals know nothing of each other."""


@dataclass(frozen=True, slots=True)
class Gamma:
    """Gaps are gamma distributed with shape ``burstiness``, as in vLLM's benchmark.

    1 is Poisson, below 1 arrivals come in bursts, above they are more even.
    """

    burstiness: float


Arrival = Constant | Poisson | Gamma


@dataclass(frozen=True, slots=True)
class RateStep:
    """``rate`` requests a second for ``duration`` seconds."""

    rate: float
    duration: float


@dataclass(frozen=True, slots=True)
class Ramp:
    """The rate goes from ``start`` to ``end`` requests a second within ``duration`` seconds, then stays.

    ``linear`` adds the same amount each second, ``exponential`` multiplies by the same factor.
    """

    start: float
    end: float
    duration: float
    shape: Literal["linear", "exponential"] = "linear"


Rate = float | tuple[RateStep, ...] | Ramp
"""Requests a second: one rate, one after the other (the load ends with the last), or a ramp."""


@dataclass(frozen=True, slots=True)
class OpenLoop:
    """Requests are sent when they are due, whatever became of those before.

    ``concurrency`` bounds how many are in flight: one that is due waits for its turn, and the
    wait counts into its latency from schedule.
    """

    rate: Rate
    arrival: Arrival = Poisson()
    concurrency: int | None = None


@dataclass(frozen=True, slots=True)
class Replay:
    """Requests are sent at the times that the dataset brings, ``speed`` times as fast."""

    speed: float = 1.0
    concurrency: int | None = None


@dataclass(frozen=True, slots=True)
class Cancel:
    """A share of the requests, drawn by the seed, is given up by the client on the way.

    After so many seconds, or so many tokens (counted as events of the stream), whichever is set.
    """

    share: float
    after: float | None = None
    after_tokens: int | None = None


class PlannedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request as the load generator sends it; the body's meaning is not its business."""

    body: bytes
    offset: int | None = None
    """When it is due, ns after the start of the load; None as soon as a client is free."""
    continues: bool = False
    """True: it follows the request before it in the plan when that has been answered, and the
    messages of that one and its answer go before its own."""
    messages: tuple[int, int] = (0, 0)
    """Where its own messages stand in the body, so that a following request can repeat them."""
    think_time: float = 0.0
    """Seconds between the answer it follows and its sending."""
    turn: int = UNKNOWN
    """Which turn of its conversation it is, from 0; UNKNOWN outside of one."""
    conversation: int = UNKNOWN
    """Which conversation of the load it is a turn of, from 0; UNKNOWN outside of one."""
    asked_input_tokens: int = UNKNOWN
    asked_output_tokens: int = UNKNOWN
    """Where an exact output length was asked for: that many tokens."""
    cancel_after: int = 0
    """ns after which the client gives it up, 0 for never."""
    cancel_after_tokens: int = 0


class LoadPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What to send, where to and when.

    Requests are numbered: the first ``warmup`` ones are not measured, then at most ``requests``
    are, sent within ``duration`` seconds; what follows (``cooldown``) only keeps the load up until
    the last measured one has ended.
    """

    base_url: str
    concurrency: int | None
    """Clients of a closed loop; the bound of an open one, None without."""
    think_time: float = 0.0
    scheduled: bool = False
    """True: an open loop, each request has its offset."""
    warmup: int
    requests: int | None = None
    duration: float | None = None
    cooldown: int = 0
    server_gone: int = 0
    """So many measured requests in a row that find no connection end the load; 0: none do."""
    timeouts: Timeouts
    tls: TlsSettings = TlsSettings()
    keep_text: bool = False
    """Whether the generated text goes into the trace."""
    request_id_prefix: str
    """Request i carries the header ``x-request-id: <prefix>-<i>``."""
    headers: tuple[tuple[str, str], ...] = ()
    """More headers of every request."""
    conversations: bool = False
    """Whether any request continues another: then answers have to be read while the load runs."""

    def request_id(self, number: int) -> str:
        """The x-request-id header of a request."""
        return f"{self.request_id_prefix}-{number}"
