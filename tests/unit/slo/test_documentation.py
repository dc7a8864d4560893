from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_npuperf.case_file import read_case_file
from pytest_npuperf.errors import BudgetError
from pytest_npuperf.slo import parse_budget
from pytest_npuperf.slo.direction import direction_warning
from pytest_npuperf.slo.vocabulary import GOODPUTS, METRICS

DOCS = Path(__file__).parents[3] / "docs"
BUDGETS = (DOCS / "budgets.md").read_text(encoding="utf-8")


def test_table_of_metrics_is_the_one_the_parser_uses() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (yes|no) \| (yes|no) \| (.+) \| (\S+) \|$", BUDGETS, re.MULTILINE)

    assert rows == [
        (
            metric.name,
            "yes" if metric.takes_statistic else "no",
            "yes" if metric.of_request else "no",
            ", ".join(f"`{unit}`" if unit else "none" for unit in metric.units),
            metric.direction or "-",
        )
        for metric in (*METRICS.values(), *GOODPUTS.values())
    ]


def test_every_metric_is_defined() -> None:
    definitions = (DOCS / "metrics.md").read_text(encoding="utf-8")

    assert [name for name in METRICS if f"`{name}`" not in definitions] == []


def test_case_files_of_the_examples_are_valid(tmp_path: Path) -> None:
    (written,) = re.findall(r"^```yaml\n(.+?)^```$", BUDGETS, re.MULTILINE | re.DOTALL)
    path = tmp_path / "npuperf.yaml"
    path.write_text(written, encoding="utf-8")

    _, (_, case) = read_case_file(path).cases

    assert [(budget.metric, budget.advisory, budget.require_support) for budget in case.slo] == [
        ("ttft", False, True),
        ("goodput", False, True),
        ("output_token_throughput", False, True),
        ("tpot", True, True),
    ]


def expressions() -> list[str]:
    """What looks like a budget in the page's code: as a word of the text, in quotes, or above a picture."""
    in_words = re.findall(r"`([^`\"\n]+ [<>=]+ [^`\"\n]+)`", BUDGETS)
    in_quotes = re.findall(r'"(\w[^"\n]* [<>=]+ [^"\n]+)"', BUDGETS)
    above_pictures = re.findall(r"^```\n(.+)\n│", BUDGETS, re.MULTILINE)
    return in_words + in_quotes + above_pictures


def test_budgets_of_every_kind_are_shown() -> None:
    budgets = [parse_budget(expression) for expression in expressions()]

    assert {budget.stage for budget in budgets} == {"total", "steady", "turn 2"}
    assert {budget.metric for budget in budgets} > set(GOODPUTS)
    relative = [budget.relative for budget in budgets if budget.relative is not None]
    assert {(one.sign, one.noise) for one in relative} == {(1, False), (-1, False), (1, True), (-1, True)}
    assert {one.baseline for one in relative} == {None, "release-1.2"}


@pytest.mark.parametrize("expression", expressions())
def test_every_budget_on_the_page_is_valid(expression: str) -> None:
    parse_budget(expression)


def test_budgets_on_the_page_warn_where_it_says_so() -> None:
    warned = [expression for expression in expressions() if direction_warning(parse_budget(expression))]

    assert warned == ["ttft.p99 > 500 ms", "goodput(ttft > 500 ms) >= 95 %"]


def test_error_of_the_example_is_the_one_that_is_raised() -> None:
    with pytest.raises(BudgetError) as caught:
        parse_budget("ttft.p99 < 500 msec")

    assert f"```\n{caught.value}\n```" in BUDGETS
