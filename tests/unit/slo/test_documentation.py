from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_npuperf.errors import BudgetError
from pytest_npuperf.slo import parse_budget
from pytest_npuperf.slo.vocabulary import METRICS

DOCS = Path(__file__).parents[3] / "docs"
BUDGETS = (DOCS / "budgets.md").read_text(encoding="utf-8")


def test_table_of_metrics_is_the_one_the_parser_uses() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (yes|no) \| (.+) \|$", BUDGETS, re.MULTILINE)

    assert rows == [
        (
            metric.name,
            "yes" if metric.takes_statistic else "no",
            ", ".join(f"`{unit}`" if unit else "none" for unit in metric.units),
        )
        for metric in METRICS.values()
    ]


def test_every_metric_is_defined() -> None:
    definitions = (DOCS / "metrics.md").read_text(encoding="utf-8")

    assert [name for name in METRICS if f"`{name}`" not in definitions] == []


def test_budgets_of_the_examples_are_valid() -> None:
    in_quotes = re.findall(r'"(\w[\w.]* [<>=]+ [^"]+)"', BUDGETS)
    in_yaml = re.findall(r"^ +- (\w[\w.]* [<>=]+ .+)$", BUDGETS, re.MULTILINE)

    assert len(in_quotes + in_yaml) > 5
    for expression in in_quotes + in_yaml:
        parse_budget(expression)


def test_error_of_the_example_is_the_one_that_is_raised() -> None:
    with pytest.raises(BudgetError) as caught:
        parse_budget("ttft.p99 < 500 msec")

    assert f"```\n{caught.value}\n```" in BUDGETS
