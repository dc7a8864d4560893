"""Tables as HTML, in frames that scroll by themselves where a screen is narrow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pytest_npuperf.report.html.markup import Child, Markup, element

__all__ = ["data_table", "fact_list"]


def data_table(label: str, header: Sequence[str], rows: Iterable[Sequence[Child]]) -> Markup:
    """A table whose first column names its rows; the others are figures.

    Args:
        label: What the table is, for those who do not see what stands around it.
        header: A cell a column.
        rows: As many cells each.
    """
    head = element("tr", *(element("th", cell, scope="col") for cell in header))
    body = [
        element("tr", element("th", row[0], scope="row"), *(element("td", cell) for cell in row[1:]))
        for row in rows
    ]
    table = element("table", element("thead", head), element("tbody", *body))
    return element("div", table, class_="scroll", tabindex=0, role="group", aria_label=label)


def fact_list(facts: Iterable[tuple[Child, Child]]) -> Markup:
    """Names and values; facts without a value are left out."""
    pairs = [
        element("div", element("dt", name), element("dd", value))
        for name, value in facts
        if value not in (None, "")
    ]
    return element("dl", *pairs, class_="facts")
