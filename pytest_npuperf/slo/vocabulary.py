"""The words of the budget language: metrics, statistics, comparisons and units."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from operator import eq, ge, gt, le, lt
from typing import Literal

__all__ = [
    "BASELINE_NAME",
    "BASELINE_NAMES",
    "COMPARISONS",
    "GOODPUTS",
    "METRICS",
    "STATISTICS",
    "UNITS",
    "Direction",
    "Metric",
    "did_you_mean",
    "is_statistic",
]

STATISTICS = ("avg", "min", "max", "median")
"""The statistics that have a name; percentiles such as p90 or p99.9 come beside them."""

COMPARISONS: dict[str, Callable[[float, float], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge, "==": eq}

# Decimals, because 7 * 0.01 in floats is more than 7 / 100: a share of exactly 7 % would
# miss "failure_rate >= 7 %".
UNITS = {
    "": Decimal(1),
    "us": Decimal("1e-6"),
    "ms": Decimal("1e-3"),
    "s": Decimal(1),
    "min": Decimal(60),
    "token": Decimal(1),
    "token/s": Decimal(1),
    "req/s": Decimal(1),
    "%": Decimal("0.01"),
}
"""Each unit's size in the unit that its figures have inside the program."""

# The first unit is that of a number written without one, where "" is among them.
_TIME = ("ms", "us", "s", "min")
_TOKENS = ("token", "")
_TOKEN_RATE = ("token/s", "")
_REQUEST_RATE = ("req/s", "")
_COUNT = ("",)
_SHARE = ("", "%")


Direction = Literal["lower", "higher"]
"""On which side a figure is better."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric by its name in budgets, which is its name in ``metrics.Summary``."""

    name: str
    takes_statistic: bool
    units: tuple[str, ...]
    direction: Direction | None = None
    """On which side it is better; None where neither is."""
    is_share: bool = False
    """Whether it is a share of a whole, 0 to 1."""
    of_request: bool = False
    """Whether each request has one value of it, which ``goodput`` can bound."""
    of_chunks: bool = False
    """Whether its values are of chunks, not told apart by request: then nothing shows how exactly a
    figure of it is known, and neither reports nor baselines keep them."""
    not_relative: str = ""
    """Why no budget on it can be relative to a baseline, '' where one can."""


_SET_BY_THE_CASE = "how many requests there are is what the case asks for"
_BEST_NONE = "a baseline should have none of them, and nothing is a share of none"
_OF_THE_CLIENT = "it is the client's own, and no baseline keeps it"
_OF_BOUNDS = "it counts the requests that meet bounds of its own"

METRICS = {
    metric.name: metric
    for metric in (
        Metric("e2el", True, _TIME, "lower", of_request=True),
        Metric("ttft", True, _TIME, "lower", of_request=True),
        Metric("tpot", True, _TIME, "lower", of_request=True),
        Metric("itl", True, _TIME, "lower"),
        Metric("input_tokens", True, _TOKENS, of_request=True),
        Metric("output_tokens", True, _TOKENS, of_request=True),
        Metric("request_output_token_throughput", True, _TOKEN_RATE, "higher", of_request=True),
        Metric("ttft_scheduled", True, _TIME, "lower", of_request=True),
        Metric("e2el_scheduled", True, _TIME, "lower", of_request=True),
        Metric("schedule_delay", True, _TIME, "lower", of_request=True),
        Metric("receive_lag", True, _TIME, "lower", of_chunks=True, not_relative=_OF_THE_CLIENT),
        Metric("benchmark_duration", False, _TIME),
        Metric("total_requests", False, _COUNT, not_relative=_SET_BY_THE_CASE),
        Metric("failed_requests", False, _COUNT, "lower", not_relative=_BEST_NONE),
        Metric("success_requests", False, _COUNT, "higher", not_relative=_SET_BY_THE_CASE),
        Metric("cancelled_requests", False, _COUNT, not_relative=_SET_BY_THE_CASE),
        Metric("failure_rate", False, _SHARE, "lower", is_share=True),
        Metric("concurrency", False, _COUNT),
        Metric("request_throughput", False, _REQUEST_RATE, "higher"),
        Metric("total_input_tokens", False, _TOKENS),
        Metric("prefill_token_throughput", False, _TOKEN_RATE, "higher"),
        Metric("total_output_tokens", False, _TOKENS),
        Metric("input_token_throughput", False, _TOKEN_RATE, "higher"),
        Metric("output_token_throughput", False, _TOKEN_RATE, "higher"),
        Metric("total_token_throughput", False, _TOKEN_RATE, "higher"),
        Metric("cached_tokens", False, _TOKENS),
        Metric("cache_hit_rate", False, _SHARE, is_share=True),
        Metric("missed_output_length", False, _SHARE, "lower", is_share=True),
        Metric("input_length_error", False, _SHARE, "lower"),
    )
}

GOODPUTS = {
    metric.name: metric
    for metric in (
        Metric("goodput", False, _SHARE, "higher", is_share=True, not_relative=_OF_BOUNDS),
        Metric("goodput_rate", False, _REQUEST_RATE, "higher", not_relative=_OF_BOUNDS),
    )
}
"""What is counted of the requests that meet bounds: ``goodput(ttft < 500 ms)``."""

BASELINE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
BASELINE_NAMES = (
    "1 to 100 letters, digits, dots, underscores and hyphens, a letter or digit first, such as release-1.2"
)
"""What ``BASELINE_NAME`` matches, in words."""

_PERCENTILE = re.compile(r"p\d{1,2}(\.\d+)?")
# difflib alone would take a mean for a misspelt median.
_OTHER_NAMES = {"mean": "avg"}


def is_statistic(name: str) -> bool:
    """Whether a name is that of a statistic: ``avg``, ``p99.9``."""
    return name in STATISTICS or _PERCENTILE.fullmatch(name) is not None


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """The end of an error's sentence that offers the nearest of the words, '' where none is near."""
    word = word.lower()
    near = get_close_matches(_OTHER_NAMES.get(word, word), words, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
