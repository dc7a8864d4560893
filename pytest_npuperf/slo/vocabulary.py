"""The words of the budget language: metrics, statistics, comparisons and units."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from operator import eq, ge, gt, le, lt

__all__ = ["COMPARISONS", "METRICS", "STATISTICS", "UNITS", "Metric", "did_you_mean", "is_statistic"]

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


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric by its name in budgets, which is its name in ``metrics.Summary``."""

    name: str
    takes_statistic: bool
    units: tuple[str, ...]
    is_share: bool = False
    """Whether it is a share of a whole, 0 to 1."""


METRICS = {
    metric.name: metric
    for metric in (
        Metric("e2el", True, _TIME),
        Metric("ttft", True, _TIME),
        Metric("tpot", True, _TIME),
        Metric("itl", True, _TIME),
        Metric("input_tokens", True, _TOKENS),
        Metric("output_tokens", True, _TOKENS),
        Metric("request_output_token_throughput", True, _TOKEN_RATE),
        Metric("ttft_scheduled", True, _TIME),
        Metric("e2el_scheduled", True, _TIME),
        Metric("schedule_delay", True, _TIME),
        Metric("receive_lag", True, _TIME),
        Metric("benchmark_duration", False, _TIME),
        Metric("total_requests", False, _COUNT),
        Metric("failed_requests", False, _COUNT),
        Metric("success_requests", False, _COUNT),
        Metric("cancelled_requests", False, _COUNT),
        Metric("failure_rate", False, _SHARE, is_share=True),
        Metric("concurrency", False, _COUNT),
        Metric("request_throughput", False, _REQUEST_RATE),
        Metric("total_input_tokens", False, _TOKENS),
        Metric("prefill_token_throughput", False, _TOKEN_RATE),
        Metric("total_output_tokens", False, _TOKENS),
        Metric("input_token_throughput", False, _TOKEN_RATE),
        Metric("output_token_throughput", False, _TOKEN_RATE),
        Metric("total_token_throughput", False, _TOKEN_RATE),
        Metric("cached_tokens", False, _TOKENS),
        Metric("cache_hit_rate", False, _SHARE, is_share=True),
        Metric("missed_output_length", False, _SHARE, is_share=True),
        Metric("input_length_error", False, _SHARE),
    )
}

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
