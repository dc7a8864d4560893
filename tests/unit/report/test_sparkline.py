from __future__ import annotations

import numpy as np
import pytest

from pytest_npuperf.report.sparkline import can_show_sparklines, sparkline


def test_each_step_is_as_high_as_it_has_values() -> None:
    steps = np.repeat(np.arange(16.0), [8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0, 0, 0, 0, 0, 1])
    assert sparkline(steps) == "█▇▆▅▄▃▂▁       ▁"


def test_one_value_among_many_is_not_lost() -> None:
    assert sparkline(np.append(np.zeros(100_000), 1.0)) == "█" + " " * 14 + "▁"


def test_the_order_of_the_values_does_not_matter() -> None:
    values = np.random.default_rng(1).lognormal(size=500)
    assert sparkline(values[::-1]) == sparkline(values) == sparkline(np.sort(values))


def test_equal_values_are_one_block() -> None:
    assert sparkline(np.full(8, 0.05)) == "█"


def test_values_that_differ_by_the_last_digit_have_all_steps() -> None:
    assert sparkline(np.array([1.0, np.nextafter(1.0, 2.0)])) == "█" + " " * 14 + "█"


def test_no_value_is_no_character() -> None:
    assert sparkline(np.empty(0)) == ""


@pytest.mark.parametrize("encoding", ["utf-8", "UTF-8", "utf8"])
def test_a_terminal_in_utf_8_can_show_it(encoding: str) -> None:
    assert can_show_sparklines(is_terminal=True, encoding=encoding, environ={"CI": ""})


@pytest.mark.parametrize(
    ("is_terminal", "encoding", "environ"),
    [
        (False, "utf-8", {}),
        (True, "latin-1", {}),
        (True, "ascii", {}),
        (True, None, {}),
        (True, "utf-8", {"CI": "true"}),
        (True, "utf-8", {"BUILD_NUMBER": "7"}),
    ],
)
def test_files_other_encodings_and_logs_of_ci_cannot(
    is_terminal: bool, encoding: str | None, environ: dict[str, str]
) -> None:
    assert not can_show_sparklines(is_terminal=is_terminal, encoding=encoding, environ=environ)
