from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_npuperf.metrics import interval, is_precise, summarize
from pytest_npuperf.metrics.by_request import effective_size, values_of
from pytest_npuperf.metrics.intervals import statistic_bounds
from pytest_npuperf.metrics.resampling import needed_values
from pytest_npuperf.slo import run_of_stage
from pytest_npuperf.slo.intervals import figure_interval
from pytest_npuperf.trace import Trace

BuildTrace = Callable[..., Trace]
Floats = NDArray[np.float64]
Gaps = tuple[Floats, ...]


@dataclass(frozen=True)
class Asked:
    metric: str
    statistic: str
    share: float


def ranks(n: int, statistic: str, confidence: float = 0.95) -> tuple[float, float] | None:
    """Which of n ordered values are the bounds."""
    values = np.random.default_rng(1).permutation(np.arange(1.0, n + 1))
    return interval(values, statistic, confidence)


# The ranks of Conover, "Practical Nonparametric Statistics", and of tables of the sign test.
@pytest.mark.parametrize(
    ("n", "statistic", "expected"),
    [
        (6, "median", (1, 6)),
        (10, "median", (2, 9)),
        (20, "median", (6, 15)),
        (30, "median", (10, 21)),
        (50, "median", (18, 33)),
        (100, "median", (40, 61)),
    ],
)
def test_bounds_of_the_median_are_those_of_the_sign_test(
    n: int, statistic: str, expected: tuple[float, float]
) -> None:
    assert ranks(n, statistic) == expected


def exact_coverage(n: int, rank: float, low: int, high: int) -> float:
    """Probability that at least ``low`` and less than ``high`` of n values lie below the percentile."""
    return math.fsum(math.comb(n, k) * rank**k * (1 - rank) ** (n - k) for k in range(low, high))


@pytest.mark.parametrize("n", [40, 100, 368, 1000])
@pytest.mark.parametrize("statistic", ["p10", "p25", "median", "p75", "p90"])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_bounds_of_a_percentile_hold_their_confidence_and_no_narrower_ones_would(
    n: int, statistic: str, confidence: float
) -> None:
    bounds = ranks(n, statistic, confidence)
    rank = 0.5 if statistic == "median" else float(statistic[1:]) / 100
    tail = (1 - confidence) / 2
    if bounds is None:
        assert max(rank, 1 - rank) ** n > tail  # all values may lie on one side of it
        return
    low, high = (int(bound) for bound in bounds)

    assert exact_coverage(n, rank, 0, low) <= tail + 1e-9 < exact_coverage(n, rank, 0, low + 1) + 1e-9
    assert (
        exact_coverage(n, rank, high, n + 1) <= tail + 1e-9 < exact_coverage(n, rank, high - 1, n + 1) + 1e-9
    )


@pytest.mark.parametrize(
    ("statistic", "fewest"),
    # the smallest n with share ** n <= 2.5 %
    [("median", 6), ("p90", 36), ("p99", 368), ("p99.9", 3688)],
)
def test_a_percentile_has_no_interval_below_the_n_that_supports_it(statistic: str, fewest: int) -> None:
    assert ranks(fewest - 1, statistic) is None
    assert ranks(fewest, statistic) is not None


@pytest.mark.parametrize("statistic", ["min", "max", "p0", "p00.0"])
@pytest.mark.parametrize("sample", [np.arange(1000.0), (np.arange(100.0),) * 100], ids=["requests", "gaps"])
def test_extremes_have_no_interval(sample: Floats | Gaps, statistic: str) -> None:
    assert interval(sample, statistic) is None


@pytest.mark.parametrize("statistic", ["avg", "median", "p99"])
def test_no_values_have_no_interval(statistic: str) -> None:
    assert interval(np.empty(0), statistic) is None
    assert interval((), statistic) is None


def test_many_values_do_not_overflow() -> None:
    bounds = interval(np.random.default_rng(3).random(200_000), "p99")

    assert bounds is not None
    assert bounds[0] < 0.99 < bounds[1]
    assert bounds[1] - bounds[0] < 0.002


def covered(draw: Callable[[np.random.Generator], Floats | Gaps], statistic: str, truth: float) -> float:
    """How often the 95 % interval of a fresh sample holds the true figure."""
    hits, runs = 0, 150
    for seed in range(runs):
        bounds = interval(draw(np.random.default_rng(seed)), statistic)
        assert bounds is not None
        hits += bounds[0] <= truth <= bounds[1]
    return hits / runs


# 150 runs of a true 95 %: 91 % and more with a probability of 97 %
@pytest.mark.parametrize(
    ("statistic", "truth"),
    [("median", math.log(2)), ("p90", math.log(10)), ("p99", math.log(100)), ("avg", 1.0)],
)
def test_the_interval_holds_the_true_figure_as_often_as_it_says(statistic: str, truth: float) -> None:
    assert covered(lambda rng: rng.exponential(size=400), statistic, truth) >= 0.91


def answers(rng: np.random.Generator) -> Gaps:
    """The gaps of 100 answers, each as fast as its own batch lets it be."""
    return tuple(rng.exponential() + rng.exponential(0.1, size=30) for _ in range(100))


# of the sum of two independent exponentials with means 1 and 0.1, by bisection of its distribution
GAP_P90 = 2.40794


@pytest.mark.parametrize(("statistic", "truth"), [("avg", 1.1), ("p90", GAP_P90)])
def test_the_interval_of_gaps_knows_that_those_of_an_answer_are_alike(statistic: str, truth: float) -> None:
    assert covered(answers, statistic, truth) >= 0.88
    assert covered(lambda rng: np.concatenate(answers(rng)), statistic, truth) < 0.7


def test_the_truth_behind_the_gaps_is_right() -> None:
    def below(x: float) -> float:
        return 1 - (math.exp(-x) - 0.1 * math.exp(-x / 0.1)) / 0.9

    assert below(GAP_P90) == pytest.approx(0.9, abs=1e-5)


def test_a_mean_of_gaps_weighs_gaps_not_answers() -> None:
    bounds = interval((np.full(90, 1.0), np.full(10, 2.0)) * 50, "avg")

    assert bounds is not None
    assert bounds[0] < 1.1 < bounds[1] < 1.2


def test_resampling_is_the_same_every_time() -> None:
    values = np.random.default_rng(1).exponential(size=100)

    assert interval(values, "avg") == interval(values, "avg")


def test_a_mean_of_few_requests_has_no_interval() -> None:
    assert interval(np.arange(49.0), "avg") is None
    assert interval(np.arange(50.0), "avg") is not None
    assert interval((np.arange(100.0),) * 49, "avg") is None


def test_a_percentile_of_gaps_needs_as_many_gaps_as_one_of_requests_and_50_requests() -> None:
    assert interval((np.arange(4.0),) * 91, "p99") is None  # 364 of 368
    assert interval((np.arange(4.0),) * 92, "p99") is not None
    assert interval((np.arange(100.0),) * 49, "p99") is None
    assert interval((np.arange(100.0),) * 50, "p99") is not None


def load(build_trace: BuildTrace, n: int, failed: int = 0) -> Trace:
    """TTFT 100 to 200 ms, in steps and in no order; gaps of 10 ms; one in five more was cancelled late."""
    rows = [
        {"sent": 0, "chunks": [100 + 37 * i % 101, 110 + 37 * i % 101], "end": 500, "output_tokens": 2}
        for i in range(n)
    ]
    late = {"sent": 0, "chunks": [9000], "end": 9999}
    cancelled = [late | {"error": "cancelled"}] * (n // 5)
    return build_trace(*rows, *cancelled, *[late | {"error": "truncated"}] * failed)


@pytest.mark.parametrize(
    ("metric", "statistic", "share", "expected"),
    [
        ("ttft", "median", 0.08, True),
        ("ttft", "median", 0.04, False),
        ("ttft", "avg", 0.03, True),
        ("ttft", "avg", 0.01, False),
        ("ttft_scheduled", "p90", 0.03, True),
        ("request_output_token_throughput", "avg", 1e-6, True),
        ("itl", "avg", 1e-6, True),
        ("ttft", "p99", 0.9, False),  # 300 requests do not support it
    ],
)
def test_a_figure_is_precise_where_half_its_interval_is_no_more_than_the_share(
    build_trace: BuildTrace, metric: str, statistic: str, share: float, expected: bool
) -> None:
    assert is_precise(Asked(metric, statistic, share), load(build_trace, 300)) is expected


def test_precision_comes_with_requests(build_trace: BuildTrace) -> None:
    asked = Asked("ttft", "median", 0.05)

    assert [is_precise(asked, load(build_trace, n)) for n in (40, 1000)] == [False, True]


@pytest.mark.parametrize("metric", ["ttft", "itl"])
def test_what_was_not_measured_is_not_precise(build_trace: BuildTrace, metric: str) -> None:
    assert not is_precise(Asked(metric, "avg", 0.5), build_trace())


@pytest.mark.parametrize(
    ("failed", "statistic", "expected"),
    [
        (3, "median", True),
        (3, "p99", False),  # one percent of them failed, but with other requests more may have
        (20, "p99", True),  # more than a percent, for certain: it is infinite
        (20, "avg", True),  # of the successful ones
    ],
)
def test_failed_requests_are_infinitely_slow(
    build_trace: BuildTrace, failed: int, statistic: str, expected: bool
) -> None:
    trace = load(build_trace, 400, failed)

    assert is_precise(Asked("ttft", statistic, 0.1), trace) is expected
    assert is_precise(Asked("request_output_token_throughput", statistic, 0.1), trace)


@pytest.mark.parametrize("failed", [0, 5])
@pytest.mark.parametrize("figure", ["ttft.avg", "ttft.p90", "itl.avg", "itl.p90", "schedule_delay.p50"])
def test_the_interval_that_ends_a_load_is_the_verdicts(
    build_trace: BuildTrace, figure: str, failed: int
) -> None:
    trace = load(build_trace, 300, failed)
    metric, _, statistic = figure.partition(".")
    run = run_of_stage(trace, summarize(trace, max_concurrency=None))

    at_90 = interval(values_of(trace, metric, statistic), statistic, 0.9)

    assert at_90 == figure_interval(run, metric, statistic)


def alike(rng: np.random.Generator, requests: int, likeness: float) -> Gaps:
    """Gaps of answers that are the faster or slower as a whole, the more alike they are."""
    paces = rng.lognormal(0, 0.5 * likeness, requests)
    return tuple(pace * rng.lognormal(0, 0.5 * (1 - likeness), 50) for pace in paces)


@pytest.mark.parametrize(
    ("likeness", "requests"), [(0.0, 50), (0.5, 100), (0.5, 300), (0.9, 300), (0.9, 500)]
)
def test_bounds_of_a_percentile_of_gaps_hold_however_alike_they_are(likeness: float, requests: int) -> None:
    rng = np.random.default_rng(1)
    truth = float(np.percentile(np.concatenate(alike(rng, 20_000, likeness)), 99))
    bounds = [statistic_bounds(alike(rng, requests, likeness), "p99", 0.95) for _ in range(200)]
    assert sum(low is not None and low <= truth for low, _ in bounds) >= 180
    highs = [high for _, high in bounds if high is not None]
    assert len(highs) >= 180
    assert sum(high >= truth for high in highs) >= 0.88 * len(highs)


def test_gaps_that_are_alike_take_as_many_requests_as_values() -> None:
    rng = np.random.default_rng(1)
    few = [statistic_bounds(alike(rng, 50, 0.9), "p99", 0.95) for _ in range(100)]
    assert sum(high is None for _, high in few) >= 90
    assert needed_values("p99", alike(rng, 100, 0.9), 0.95) > 200
    assert needed_values("p99", alike(rng, 100, 0.0), 0.95) == 50


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_what_gaps_are_worth(share: float) -> None:
    rng = np.random.default_rng(1)
    one_each = tuple(rng.random((400, 1)))
    assert effective_size(one_each, share) == 400
    assert effective_size(tuple(np.repeat(one_each, 20, axis=1)), share) == pytest.approx(400)
    assert effective_size(tuple(rng.random((400, 20))), share) > 5000
    assert effective_size(tuple(np.ones((400, 20))), share) == 8000
    assert effective_size((np.arange(9.0),), share) == 1


def test_gaps_of_a_burst_that_are_the_same_count_as_beyond_where_nothing_is() -> None:
    # one in ten gaps is the longest there is: at P95 nothing lies beyond it
    gaps = tuple(np.array([0.0] * 9 + [1.0]) for _ in range(60))
    slow = (*gaps[:54], *(np.ones(10) for _ in range(6)))
    assert effective_size(gaps, 0.95) == 600
    assert effective_size(slow, 0.95) < 150
