from __future__ import annotations

import math
import random
import statistics
from collections import Counter

import pytest

from pytest_npuperf.errors import CaseError
from pytest_npuperf.workload.lengths import (
    Empirical,
    Length,
    Lognormal,
    Normal,
    Uniform,
    Zipf,
    draw_length,
    parse_length,
    shortest,
)

DRAWS = 20_000
NAME = "synthetic.input_tokens"
ALLOWED = (
    "a whole number of at least 4, a list of such numbers to draw from, or one of "
    "{uniform: {min: 4, max: 200}}, {normal: {mean: 1024, stddev: 100}}, "
    "{lognormal: {mean: 1024, sigma: 0.6, max: 4096}}, {zipf: {alpha: 1.2, max: 4096}}"
)


def draws(length: Length, count: int = DRAWS) -> list[int]:
    rng = random.Random(1)
    return [draw_length(length, rng) for _ in range(count)]


class TestParse:
    @pytest.mark.parametrize(
        ("value", "length"),
        [
            (1024, 1024),
            ({"uniform": {"min": 100, "max": 200}}, Uniform(100, 200)),
            ({"normal": {"mean": 100.5, "stddev": 0}}, Normal(100.5, 0, min=4)),
            ({"normal": {"mean": 100, "stddev": 9, "min": 50, "max": 150}}, Normal(100, 9, 50, 150)),
            ({"lognormal": {"mean": 1024, "sigma": 0.6, "max": 4096}}, Lognormal(1024, 0.6, 4, 4096)),
            ({"zipf": {"alpha": 1.2, "max": 4096}}, Zipf(1.2, 4096, min=4)),
            ({"values": [5, 4, 5]}, Empirical((5, 4, 5))),
            ([5, 4, 5], Empirical((5, 4, 5))),
            (Normal(100, 9), Normal(100, 9, min=4)),
            (Uniform(4, 4), Uniform(4, 4)),
        ],
    )
    def test_a_length_is_read_as_it_is_written(self, value: object, length: Length) -> None:
        assert parse_length(NAME, value, at_least=4) == length

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            (3, f"{NAME} is 3, but must be a whole number of at least 4"),
            (True, f"{NAME} is True, but must be a whole number of at least 4"),
            (9.5, f"{NAME} is 9.5, but must be {ALLOWED}"),
            ("many", f"{NAME} is 'many', but must be {ALLOWED}"),
            (None, f"{NAME} is None, but must be {ALLOWED}"),
            (
                {"uniform": {}, "zipf": {}},
                f"{NAME} is {{'uniform': {{}}, 'zipf': {{}}}}, but must be {ALLOWED}",
            ),
            ({"unifrm": {}}, f"{NAME} has no 'unifrm' (did you mean uniform?); it must be {ALLOWED}"),
            ({"value": [4]}, f"{NAME} has no 'value' (did you mean values?); it must be {ALLOWED}"),
            ({"uniform": {"min": 9}}, f"{NAME}.uniform lacks max; it takes min, max"),
            ({"uniform": {"min": 9, "max": 5}}, f"{NAME}.uniform.max is 5, which is below its min, 9"),
            (Uniform(3, 5), f"{NAME}.uniform.min is 3, but must be a whole number of at least 4"),
            (
                {"normal": {"mean": 9, "stddev": 1, "max": "9"}},
                f"{NAME}.normal.max is '9', but must be a whole number of at least 4",
            ),
            ({"normal": {"mean": 0, "stddev": 1}}, f"{NAME}.normal.mean is 0, but must be a number above 0"),
            (
                {"normal": {"mean": 9, "stddev": -1}},
                f"{NAME}.normal.stddev is -1, but must be a number of at least 0",
            ),
            (
                {"lognormal": {"mean": math.inf, "sigma": 1}},
                f"{NAME}.lognormal.mean is inf, but must be a number above 0",
            ),
            (
                {"lognormal": {"mean": 9, "sigma": "1"}},
                f"{NAME}.lognormal.sigma is '1', but must be a number of at least 0",
            ),
            (
                {"zipf": {"alpha": True, "max": 9}},
                f"{NAME}.zipf.alpha is True, but must be a number of at least 0",
            ),
            ([], f"{NAME} is an empty list, but must hold at least one length"),
            ([4, 3], f"a value of {NAME} is 3, but must be a whole number of at least 4"),
            ({"values": 7}, f"{NAME}.values is 7, but must be a list of lengths"),
            ({"zipf": 7}, f"{NAME}.zipf is 7, but must be settings by name: alpha, max, min"),
        ],
    )
    def test_what_is_no_length_is_refused(self, value: object, message: str) -> None:
        with pytest.raises(CaseError) as caught:
            parse_length(NAME, value, at_least=4)

        assert str(caught.value) == f"dataset: {message}"


class TestDraw:
    def test_a_number_is_always_itself(self) -> None:
        assert set(draws(7, 100)) == {7}

    def test_uniform_lengths_come_equally_often_with_both_ends(self) -> None:
        seen = Counter(draws(Uniform(10, 14)))

        assert sorted(seen) == [10, 11, 12, 13, 14]
        assert all(count == pytest.approx(DRAWS / 5, rel=0.05) for count in seen.values())

    def test_normal_lengths_have_their_mean_and_spread(self) -> None:
        lengths = draws(Normal(500, 80))

        assert statistics.mean(lengths) == pytest.approx(500, abs=2)
        assert statistics.stdev(lengths) == pytest.approx(80, rel=0.02)
        within = sum(abs(length - 500) <= 80 for length in lengths) / DRAWS
        assert within == pytest.approx(0.683, abs=0.012)

    def test_lognormal_lengths_have_the_mean_that_is_asked_and_the_sigma_of_their_logarithms(self) -> None:
        lengths = draws(Lognormal(1024, 0.6))
        logarithms = [math.log(length) for length in lengths]

        assert statistics.mean(lengths) == pytest.approx(1024, rel=0.015)
        assert statistics.stdev(logarithms) == pytest.approx(0.6, rel=0.02)
        assert statistics.median(lengths) == pytest.approx(1024 * math.exp(-0.18), rel=0.02)

    def test_zipf_lengths_come_in_proportion_to_a_power_of_theirs(self) -> None:
        seen = Counter(draws(Zipf(1.5, max=50, min=2)))

        assert min(seen) == 2
        assert max(seen) == 50
        total = sum(k**-1.5 for k in range(2, 51))
        for length in (2, 3, 5, 8):
            assert seen[length] / DRAWS == pytest.approx(length**-1.5 / total, rel=0.06)

    def test_empirical_lengths_come_as_often_as_they_are_listed(self) -> None:
        seen = Counter(draws(Empirical((10, 10, 10, 90))))

        assert sorted(seen) == [10, 90]
        assert seen[90] / DRAWS == pytest.approx(0.25, abs=0.01)

    @pytest.mark.parametrize("length", [Normal(10, 50, 5, 20), Lognormal(10, 3, 5, 20)])
    def test_what_lies_beyond_a_bound_becomes_the_bound(self, length: Length) -> None:
        seen = Counter(draws(length))

        assert (min(seen), max(seen)) == (5, 20)
        assert seen[5] > DRAWS / 5

    @pytest.mark.parametrize(
        ("length", "least"), [(7, 7), (Uniform(3, 9), 3), (Empirical((9, 2)), 2), (Normal(50, 5), 1)]
    )
    def test_the_shortest_length_is_told(self, length: Length, least: int) -> None:
        assert shortest(length) == least
