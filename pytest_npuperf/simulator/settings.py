"""What the simulated server is told to be."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pytest_npuperf.errors import SettingsError

__all__ = ["SimulatorSettings"]

_NOT_NEGATIVE = (
    *("ttft", "itl", "jitter", "ttft_sigma", "slowdown", "prefill_rate", "output_jitter"),
    *("startup_delay", "role_lead", "max_batch", "fail_every", "break_every"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorSettings:
    """Timings, capacity, answer and faults of a simulated server; all times are seconds.

    Raises:
        SettingsError: a value is outside its range.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    """0 picks a free one."""
    model: str = "simulated-model"
    """The only model that is served, as ``/v1/models`` lists it."""
    answer_model: str = ""
    """The name in its answers, '' for that of the model it serves."""
    ttft: float = 0.050
    """From the end of the request to the first chunk."""
    itl: float = 0.010
    """Between neighbouring chunks."""
    jitter: float = 0.0
    """Relative spread of ttft and of each itl: see ``schedule.deadlines``."""
    ttft_sigma: float = 0.0
    """Spread of ttft alone, in place of jitter's; 0 leaves it to jitter."""
    max_batch: int = 0
    """Most requests answered at once, the others wait in order of arrival; 0 for no limit."""
    slowdown: float = 0.0
    """How much longer each itl is for every other request that is being answered, as a share of it."""
    prefill_rate: float = 0.0
    """Prompt tokens/s: those that are not cached add their time to ttft; 0 adds none."""
    prefix_cache: bool = False
    """Knows the beginnings of prompts again, and reports ``cached_tokens``."""
    output_tokens: int = 128
    """Length of an answer that ends by itself; ``max_tokens`` can only shorten it, unless
    the request sets ``ignore_eos`` or ``min_tokens``."""
    output_jitter: float = 0.0
    """Relative, lognormal spread of that length."""
    tokens_per_chunk: int = 1
    seed: int = 0
    startup_delay: float = 0.0
    """Every endpoint but ``/simulator`` answers 503 until then."""
    role_lead: float = 0.0
    """How long before the first token the role chunk is sent, at most ttft; 0 sends both together."""
    fail_every: int = 0
    """Every n-th chat request is answered by HTTP 500; 0 for none."""
    break_every: int = 0
    """Every n-th stream is cut half-way; 0 for none."""
    strict: bool = False
    """Refuses fields that are not OpenAI's by HTTP 422."""
    usage: bool = True
    """False never reports usage."""
    output_count: bool = True
    """False reports 0 output tokens in usage, whatever was sent."""
    done: bool = True
    """False ends streams without ``[DONE]``."""

    def __post_init__(self) -> None:
        for name in _NOT_NEGATIVE:
            _check_range(name, getattr(self, name), 0)
        for name in ("output_tokens", "tokens_per_chunk"):
            _check_range(name, getattr(self, name), 1)
        _check_range("port", self.port, 0, 65535)
        if self.role_lead > self.ttft:
            raise SettingsError(
                f"role_lead is {self.role_lead:g} s, but the role chunk cannot be sent before the request "
                f"is there: use at most ttft, which is {self.ttft:g} s"
            )


def _check_range(name: str, value: float, least: float, most: float = math.inf) -> None:
    if not (least <= value <= most and math.isfinite(value)):
        allowed = f"at least {least:g}" if most == math.inf else f"from {least:g} to {most:g}"
        raise SettingsError(f"{name} of the simulator is {value!r}: use a value {allowed}")
