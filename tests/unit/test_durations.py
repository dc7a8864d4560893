from __future__ import annotations

import pytest

from pytest_npuperf.durations import parse_duration, parse_share


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (10, 10),
        (0.5, 0.5),
        ("10", 10),
        ("500 ms", 0.5),
        ("250us", 0.00025),
        ("1.5 s", 1.5),
        ("30 min", 1800),
        ("2h", 7200),
        (" .5 s ", 0.5),
    ],
)
def test_durations_as_people_write_them(written: object, seconds: float) -> None:
    assert parse_duration(written) == pytest.approx(seconds)


@pytest.mark.parametrize("written", [0, -1, "0 s", "-5", "soon", "10 parsecs", "", None, True, "1e3", [1]])
def test_anything_else_is_refused_with_what_is_allowed(written: object) -> None:
    with pytest.raises(ValueError, match=r"is not a duration: allowed are .* us, ms, s, min, h"):
        parse_duration(written)


@pytest.mark.parametrize(
    ("written", "share"),
    [("10 %", 0.1), ("2.5%", 0.025), (0.1, 0.1), ("0.1", 0.1), (0, 0), (1, 1), (" 100 % ", 1), ("0 %", 0)],
)
def test_shares_as_people_write_them(written: object, share: float) -> None:
    assert parse_share(written) == pytest.approx(share)


@pytest.mark.parametrize("written", [10, 1.01, "101 %", -0.1, "-1 %", "half", "5 ‰", "", None, True, [1]])
def test_anything_else_is_no_share(written: object) -> None:
    with pytest.raises(
        ValueError, match=r"is not a share: allowed are a number from 0 to 1, or .* 0 % to 100 %"
    ):
        parse_share(written)
