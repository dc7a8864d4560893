"""Tables as HTML, in frames that scroll by themselves where a screen is narrow."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from pytest_npuperf.report.html.markup import Child, Markup, element

__all__ = ["data_table", "fact_list"]


def data_table(
    label: str, header: Sequence[str], rows: Iterable[Sequence[Child]], *, texts: Container[int] = ()
) -> Markup:
    """A table whose first column names its rows; the others are figures.

    Args:
        label: What the table is, for those who do not see what stands around it.
        header: A cell a column.
        rows: As many cells each.
        texts: The columns, counted from 0, that hold text, not figures.
    """
    looks = ["text" if place in texts else None for place in range(len(header))]
    head = element(
        "tr",
        *(element("th", cell, scope="col", class_=look) for cell, look in zip(header, looks, strict=True)),
    )
    table = element("table", element("thead", head), element("tbody", *(_row(row, looks) for row in rows)))
    return element("div", table, class_="scroll", tabindex=0, role="group", aria_label=label)


def _row(row: Sequence[Child], looks: Sequence[str | None]) -> Markup:
    cells = (element("td", cell, class_=look) for cell, look in zip(row[1:], looks[1:], strict=True))
    return element("tr", element("th", row[0], scope="row", class_=looks[0]), *cells)


def fact_list(facts: Iterable[tuple[Child, Child]], *, look: str = "facts") -> Markup:
    """Names and values; facts without a value are left out. ``look`` is a class of the style sheet."""
    pairs = [
        element("div", element("dt", name), element("dd", value))
        for name, value in facts
        if value not in (None, "")
    ]
    return element("dl", *pairs, class_=look)
