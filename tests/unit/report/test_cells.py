from __future__ import annotations

import pytest

from pytest_npuperf.report.cells import cell, milliseconds


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (3450.96, "ms", "3450.96 ms"),
        (1481.0, "", "1481.0"),
        (115.92163, "token/s", "115.9216 token/s"),
        (0.00004, "ms", "0.0 ms"),
        (0.00006, "ms", "0.0001 ms"),
        (12100, "", "12100"),
        (0, "", "0"),
        (123456789.987654, "token/s", "123456789.9877 token/s"),
        (None, "ms", "-"),
    ],
)
def test_a_cell_is_rounded_to_four_decimals_and_printed_shortest(
    value: float | None, unit: str, expected: str
) -> None:
    assert cell(value, unit) == expected


def test_seconds_are_rounded_only_once_they_are_milliseconds() -> None:
    assert milliseconds(2.0482945) == "2048.2945 ms"
    assert milliseconds(0.01069654) == "10.6965 ms"


def test_no_duration_is_a_dash() -> None:
    assert milliseconds(None) == "-"
