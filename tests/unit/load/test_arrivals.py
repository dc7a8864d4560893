"""Arrival processes as statistics: fixed seeds, so that each figure is the same in every run."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import islice, pairwise
from statistics import fmean, pstdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_npuperf.load.arrivals import arrival_offsets, cancelled
from pytest_npuperf.load.plan import Arrival, Constant, Gamma, OpenLoop, Poisson, Ramp, Rate, RateStep

NS_PER_S = 1_000_000_000
RATE = 200.0
N = 20_000
ARRIVALS = [Constant(), Poisson(), Gamma(0.5), Gamma(4.0)]
STEPS = (RateStep(5, 40), RateStep(50, 20), RateStep(0, 10), RateStep(20, 30))
CHANGING = [
    pytest.param(STEPS, id="steps"),
    pytest.param(Ramp(1, 60, 60), id="linear up"),
    pytest.param(Ramp(60, 1, 60), id="linear down"),
    pytest.param(Ramp(1, 60, 60, "exponential"), id="exponential up"),
    pytest.param(Ramp(60, 1, 60, "exponential"), id="exponential down"),
]


def seconds(rate: Rate, arrival: Arrival, *, n: int = N, seed: int = 1) -> list[float]:
    """The first ``n`` arrivals, or as many as there are."""
    offsets = arrival_offsets(OpenLoop(rate, arrival), seed=seed)
    return [offset / NS_PER_S for offset in islice(offsets, n)]


def gaps(times: Sequence[float]) -> list[float]:
    return [after - before for before, after in pairwise(times)]


def distance(sample: Sequence[float], cdf: Callable[[float], float]) -> float:
    """Kolmogorov's and Smirnov's: the largest difference between the sample's distribution and ``cdf``."""
    n = len(sample)
    expected = [cdf(value) for value in sorted(sample)]
    return max(max((i + 1) / n - share, share - i / n) for i, share in enumerate(expected))


def bound(sample: Sequence[float]) -> float:
    """A sample of the distribution is further away from it in 1 % of all cases."""
    return 1.63 / math.sqrt(len(sample))


def exponential_cdf(value: float) -> float:
    return 1 - math.exp(-value)


def gamma_cdf(shape: float) -> Callable[[float], float]:
    """Of mean 1: the regularized lower incomplete gamma function by its series."""

    def cdf(value: float) -> float:
        x = value * shape
        if x == 0:
            return 0.0
        term = total = math.exp(shape * math.log(x) - x - math.lgamma(shape + 1))
        n = shape
        while term > 1e-15 * total:
            n += 1
            term *= x / n
            total += term
        return total

    return cdf


def rate_at(rate: Rate, time: float) -> float:
    """What a changing rate says, straight from its definition."""
    if isinstance(rate, tuple):
        end = 0.0
        for step in rate:
            end += step.duration
            if time < end:
                return step.rate
        return 0.0
    assert isinstance(rate, Ramp)
    share = min(1.0, time / rate.duration)
    if rate.shape == "linear":
        return rate.start + (rate.end - rate.start) * share
    return float(rate.start * (rate.end / rate.start) ** share)


def expected_between(rate: Rate, begin: float, end: float) -> float:
    """How many arrivals a rate makes one expect: Simpson's rule over 16 pieces."""
    width = (end - begin) / 16
    edges = [rate_at(rate, begin + i * width) for i in range(17)]
    middles = [rate_at(rate, begin + (i + 0.5) * width) for i in range(16)]
    return width * (edges[0] / 2 + sum(edges[1:-1]) + edges[-1] / 2 + 2 * sum(middles)) / 3


@pytest.mark.parametrize("arrival", ARRIVALS, ids=repr)
def test_the_mean_rate_is_the_one_asked_for(arrival: Arrival) -> None:
    variation = 0.0 if arrival == Constant() else 1.0 / math.sqrt(getattr(arrival, "burstiness", 1.0))

    mean_gap = fmean(gaps(seconds(RATE, arrival)))

    # three standard errors
    assert mean_gap * RATE == pytest.approx(1, abs=1e-9 + 3 * variation / math.sqrt(N))


@pytest.mark.parametrize(
    ("arrival", "variation"),
    [
        (Constant(), 0.0),
        (Poisson(), 1.0),
        (Gamma(0.25), 2.0),
        (Gamma(1.0), 1.0),
        (Gamma(4.0), 0.5),
    ],
    ids=repr,
)
def test_the_coefficient_of_variation_of_gaps_says_how_bursty_arrivals_are(
    arrival: Arrival, variation: float
) -> None:
    sample = gaps(seconds(RATE, arrival))

    assert pstdev(sample) / fmean(sample) == pytest.approx(variation, rel=0.03, abs=1e-6)


@pytest.mark.parametrize(
    ("arrival", "cdf"),
    [
        (Poisson(), exponential_cdf),
        (Gamma(0.5), lambda value: math.erf(math.sqrt(value / 2))),
        (Gamma(0.7), gamma_cdf(0.7)),
        (Gamma(2.0), lambda value: 1 - (1 + 2 * value) * math.exp(-2 * value)),
        (Gamma(5.5), gamma_cdf(5.5)),
    ],
    ids=["poisson", "gamma 0.5", "gamma 0.7", "gamma 2", "gamma 5.5"],
)
def test_gaps_have_the_distribution_asked_for(arrival: Arrival, cdf: Callable[[float], float]) -> None:
    sample = [gap * RATE for gap in gaps(seconds(RATE, arrival))]

    assert distance(sample, cdf) < bound(sample)


def test_the_distance_tells_distributions_apart_that_are_close() -> None:
    sample = [gap * RATE for gap in gaps(seconds(RATE, Gamma(0.9)))]

    assert distance(sample, gamma_cdf(0.9)) < bound(sample) < distance(sample, exponential_cdf)


def test_gaps_know_nothing_of_each_other() -> None:
    sample = [gap * RATE - 1 for gap in gaps(seconds(RATE, Poisson()))]

    correlation = fmean(before * after for before, after in pairwise(sample))

    assert abs(correlation) < 3 / math.sqrt(N)


@pytest.mark.parametrize("rate", [3.0, 0.7, 200, 1e6])
def test_constant_means_constant(rate: float) -> None:
    offsets = list(islice(arrival_offsets(OpenLoop(rate, Constant()), seed=0), 10_000))

    assert offsets == [round(Fraction(i * NS_PER_S) / Fraction(rate)) for i in range(10_000)]


def test_gamma_of_burstiness_1_is_poisson() -> None:
    assert seconds(RATE, Gamma(1.0)) == seconds(RATE, Poisson())


@pytest.mark.parametrize("rate", [RATE, *CHANGING])
@pytest.mark.parametrize("arrival", ARRIVALS, ids=repr)
def test_the_first_request_is_due_at_once_and_none_before_another(arrival: Arrival, rate: Rate) -> None:
    offsets = list(islice(arrival_offsets(OpenLoop(rate, arrival), seed=5), 5000))

    assert offsets[0] == 0
    assert offsets == sorted(offsets)
    assert all(type(offset) is int for offset in offsets)


@pytest.mark.parametrize("rate", CHANGING)
def test_under_a_changing_rate_gaps_are_exponential_once_time_is_rescaled(rate: Rate) -> None:
    times = [time for seed in range(4) for time in seconds(rate, Poisson(), n=3000, seed=seed)]

    sample = [expected_between(rate, begin, end) for begin, end in pairwise(times) if begin < end]

    assert len(sample) > 4000
    assert distance(sample, exponential_cdf) < bound(sample)


@pytest.mark.parametrize("rate", CHANGING)
def test_constant_arrivals_under_a_changing_rate_come_one_for_each_expected(rate: Rate) -> None:
    expected = [expected_between(rate, *gap) for gap in pairwise(seconds(rate, Constant(), n=3000))]

    off = [share for share in expected if abs(share - 1) > 1e-5]

    assert len(off) <= 3, "only where the rate jumps, which Simpson's rule takes for smooth"


def test_a_step_has_its_rate_for_its_duration_and_the_last_one_ends_the_load() -> None:
    edges = [0, 40, 60, 70, math.inf]

    def counts(arrival: Arrival) -> list[int]:
        times = seconds(STEPS, arrival)
        return [sum(begin <= time < end for time in times) for begin, end in pairwise(edges)]

    expected = [200, 1000, 0, 600]
    assert counts(Constant()) == expected
    drawn = counts(Poisson())
    assert drawn != expected
    assert all(abs(drawn[i] - mean) <= 3 * math.sqrt(mean) for i, mean in enumerate(expected))


@given(
    rate=st.decimals("0.1", "500", places=1),
    durations=st.lists(st.decimals("0.1", "9", places=1), min_size=1, max_size=4),
)
def test_steps_of_any_rate_hold_no_arrival_too_many(rate: Decimal, durations: list[Decimal]) -> None:
    steps = tuple(RateStep(float(rate), float(duration)) for duration in durations)

    number = len(list(arrival_offsets(OpenLoop(steps, Constant()), seed=0)))

    assert number == math.ceil(rate * sum(durations))


def test_steps_of_no_rate_hold_no_arrivals() -> None:
    pause = RateStep(0, 5)

    assert seconds((pause, RateStep(2, 1.5), pause), Constant()) == [5.0, 5.5, 6.0]
    assert seconds((pause,), Poisson()) == []


@pytest.mark.parametrize(
    ("ramp", "within"),
    [
        (Ramp(2, 10, 10), 60),
        (Ramp(10, 2, 10), 60),
        (Ramp(0, 10, 10), 50),
        (Ramp(5, 5, 10), 50),
        (Ramp(2, 10, 10, "exponential"), 8 * 10 / math.log(5)),
        (Ramp(5, 5, 10, "exponential"), 50),
    ],
)
def test_a_ramp_stays_at_its_end(ramp: Ramp, within: float) -> None:
    times = seconds(ramp, Constant(), n=500)

    assert sum(time < ramp.duration for time in times) == math.ceil(within)
    after = [time for time in times if time >= ramp.duration]
    assert gaps(after) == pytest.approx([1 / ramp.end] * (len(after) - 1), abs=1e-8)


def test_a_ramp_down_to_nothing_ends_the_load() -> None:
    times = seconds(Ramp(7, 0, 0.7), Constant())

    assert len(times) == 3
    assert times[-1] < 0.7


@pytest.mark.parametrize(
    ("arrival", "offsets"),
    [
        (
            Poisson(),
            [0, 20378573, 26583107, 26966839, 33965845, 35631199, 48196959, 55927545, 57629237, 67204028],
        ),
        (
            Gamma(0.5),
            [0, 76499, 8756651, 19286286, 19457038, 26081757, 70488760, 70844922, 70845862, 79476028],
        ),
        (
            Gamma(4.0),
            [0, 1922652, 5443119, 13635849, 23344091, 25616044, 32351565, 35018694, 43169787, 47003119],
        ),
    ],
    ids=repr,
)
def test_a_seed_gives_the_same_offsets_in_every_python_version(arrival: Arrival, offsets: list[int]) -> None:
    assert list(islice(arrival_offsets(OpenLoop(RATE, arrival), seed=7), 10)) == offsets


def test_another_seed_gives_other_offsets() -> None:
    assert seconds(RATE, Poisson(), n=10, seed=1)[1:] != seconds(RATE, Poisson(), n=10, seed=2)[1:]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_a_share_of_the_requests_is_cancelled(share: float) -> None:
    drawn = list(islice(cancelled(share, seed=3), N))

    assert sum(drawn) / N == pytest.approx(share, abs=3 * math.sqrt(share * (1 - share) / N))


def test_whether_a_request_is_cancelled_says_nothing_of_the_next() -> None:
    drawn = list(islice(cancelled(0.5, seed=3), N))

    runs = sum(before == after for before, after in pairwise(drawn)) / (N - 1)

    assert runs == pytest.approx(0.5, abs=3 * 0.5 / math.sqrt(N))


def test_the_seed_says_which_requests_are_cancelled() -> None:
    def numbers(seed: int) -> list[int]:
        return [i for i, given_up in enumerate(islice(cancelled(0.1, seed=seed), 50)) if given_up]

    assert numbers(1) == [0, 22, 32, 34, 37, 40]
    assert numbers(1) != numbers(2)
