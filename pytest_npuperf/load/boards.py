"""What the generator and the decoder tell while they work, by name."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from pytest_npuperf.load.workspace import Board

__all__ = ["FEWEST_TO_JUDGE", "Decoded", "Sent", "decoded_board", "sent_board"]

FEWEST_TO_JUDGE = 20
"""Requests that have to end before their share of failures says anything."""


class Sent(NamedTuple):
    """Set by the generator; counts are of measured requests, times in ns."""

    measuring_since: int = 0
    """Monotonic clock when measuring began, 0 before."""
    sent: int = 0
    ended: int = 0
    taken: int = 0
    """How far into the plan the load is, measured or not."""
    refused_in_a_row: int = 0
    """Connections that could not be opened, with nothing else between them: the longest row there was."""
    wall_time: int = 0
    """From the first to the last measured request; this and what follows is set at the end."""
    cpu_time: int = 0
    run_delay: int = 0
    """How long the generator was ready to run but had no processor, UNKNOWN where nobody says."""


class Decoded(NamedTuple):
    """Set by the decoder; counts are of measured requests but for the warmup's own, times in ns."""

    done: int = 0
    failed: int = 0
    failed_in_a_row: int = 0
    """The longest row there was, so that it does not matter when somebody looks."""
    peak_failed: int = 0
    """How many had failed when their share was the highest, once enough had ended to judge it."""
    peak_done: int = 0
    """How many had ended then; 0 before."""
    ttft_sum: int = 0
    output_tokens: int = 0
    cpu_time: int = 0
    """What the decoder has used since it began to read."""
    warmed_up: int = 0
    """Warmup requests that have ended."""
    warmup_since: int = 0
    """Monotonic clock when the first of them was sent; this and what follows is 0 before one has ended."""
    warmup_until: int = 0
    """Monotonic clock when the last of them ended."""


def sent_board(directory: Path) -> Board:
    """The generator's board."""
    return Board(directory / "sent", len(Sent._fields))


def decoded_board(directory: Path) -> Board:
    """The decoder's board."""
    return Board(directory / "decoded", len(Decoded._fields))
